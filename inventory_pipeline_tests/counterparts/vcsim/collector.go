package main

import (
	"fmt"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

var collector struct {
	pageLimit int
	failPage  int
	deny      string
	hide      string
}

// pagingCollector answers in pages with a token, as a real vCenter does; one is made per session.
type pagingCollector struct {
	simulator.PropertyCollector
	rest  map[string][]types.ObjectContent
	pages map[string]int
	sizes map[string]int
	next  int
}

func wrapPropertyCollector() {
	instance := simulator.Map.Get(types.ManagedObjectReference{Type: "ServiceInstance", Value: "ServiceInstance"})
	ref := instance.(*simulator.ServiceInstance).Content.PropertyCollector
	wrapped := &pagingCollector{}
	wrapped.Self = ref
	simulator.Map.Put(wrapped)
}

func (c *pagingCollector) RetrievePropertiesEx(ctx *simulator.Context, req *types.RetrievePropertiesEx) soap.HasFault {
	body, ok := c.PropertyCollector.RetrievePropertiesEx(ctx, req).(*methods.RetrievePropertiesExBody)
	if !ok || body.Res == nil || body.Res.Returnval == nil {
		return body
	}
	objects := allowed(req, body.Res.Returnval.Objects)
	size := int(req.Options.MaxObjects)
	if collector.pageLimit > 0 && (size == 0 || size > collector.pageLimit) {
		size = collector.pageLimit
	}
	body.Res.Returnval.Objects = objects
	if size > 0 && len(objects) > size {
		if c.rest == nil {
			c.rest, c.pages, c.sizes = map[string][]types.ObjectContent{}, map[string]int{}, map[string]int{}
		}
		c.next++
		token := fmt.Sprint(c.next)
		body.Res.Returnval.Objects, c.rest[token] = objects[:size], objects[size:]
		body.Res.Returnval.Token = token
		c.pages[token], c.sizes[token] = 1, size
	}
	return body
}

func (c *pagingCollector) ContinueRetrievePropertiesEx(req *types.ContinueRetrievePropertiesEx) soap.HasFault {
	body := &methods.ContinueRetrievePropertiesExBody{}
	rest, ok := c.rest[req.Token]
	if !ok {
		body.Fault_ = simulator.Fault("the token is not known", &types.InvalidArgument{InvalidProperty: "token"})
		return body
	}
	c.pages[req.Token]++
	if c.pages[req.Token] == collector.failPage {
		body.Fault_ = simulator.Fault("A general system error occurred: the database is busy", &types.SystemError{})
		return body
	}
	result := types.RetrieveResult{Objects: rest}
	if size := c.sizes[req.Token]; len(rest) > size {
		result.Objects, c.rest[req.Token] = rest[:size], rest[size:]
		result.Token = req.Token
	} else {
		delete(c.rest, req.Token)
	}
	body.Res = &types.ContinueRetrievePropertiesExResponse{Returnval: result}
	return body
}

func (c *pagingCollector) CancelRetrievePropertiesEx(req *types.CancelRetrievePropertiesEx) soap.HasFault {
	delete(c.rest, req.Token)
	return &methods.CancelRetrievePropertiesExBody{Res: &types.CancelRetrievePropertiesExResponse{}}
}

// allowed takes away what the account may not see or read.
func allowed(req *types.RetrievePropertiesEx, objects []types.ObjectContent) []types.ObjectContent {
	kept := objects[:0]
	for _, object := range objects {
		if object.Obj.Type == collector.hide {
			continue
		}
		if object.Obj.Type == collector.deny {
			object.PropSet = nil
			object.MissingSet = nil
			for _, spec := range req.SpecSet {
				for _, set := range spec.PropSet {
					if set.Type != object.Obj.Type {
						continue
					}
					for _, path := range set.PathSet {
						fault := &types.NoPermission{Object: object.Obj, PrivilegeId: "System.Read"}
						missing := types.MissingProperty{Path: path, Fault: types.LocalizedMethodFault{Fault: fault}}
						object.MissingSet = append(object.MissingSet, missing)
					}
				}
			}
		}
		kept = append(kept, object)
	}
	return kept
}
