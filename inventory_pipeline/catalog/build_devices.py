def build_device_data(a,b,c): return {}
