"""The catalog: vendors, products, titles, codes, release cycles and match rules, shipped and of the site."""
