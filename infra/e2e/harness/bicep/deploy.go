package bicep

import (
	"fmt"
	"slices"
	"strings"
)

// Deployment is what is deployed with certain parameters.
type Deployment struct {
	// Resources are all resources, those of modules among them, and those within others
	// after them. Existing ones are not.
	Resources []*Resource
	// Outputs are those of the file.
	Outputs map[string]any
}

// Resource is one that is deployed.
type Resource struct {
	// Symbol is its name in the file, Type is as in Microsoft.Web/sites/config, Version
	// that of the API.
	Symbol, Type, Version string
	// Body is everything that is declared of it, its name and properties among others.
	Body map[string]any
	// Parent and Scope are the resources that it belongs to, if there are any.
	Parent, Scope *Resource
	// Existing says that it is only referred to.
	Existing bool
	// Decorators are the names of its decorators.
	Decorators []string

	children map[string]any // by symbol: a *Resource or a list of them
}

// Name is the resource's own name, without those of its parents.
func (r *Resource) Name() string {
	name, _ := r.Body["name"].(string)
	return name
}

// ID is the resource's id, below the resource group.
func (r *Resource) ID() string {
	if r.Parent != nil {
		return r.Parent.ID() + r.Type[strings.LastIndex(r.Type, "/"):] + "/" + r.Name()
	}
	scope := group
	if r.Scope != nil {
		scope = r.Scope.ID()
	}
	return scope + "/providers/" + r.Type + "/" + r.Name()
}

// At is the value of a path such as properties.siteConfig, nil if there is none.
func (r *Resource) At(path string) any {
	var at any = r.Body
	for _, name := range strings.Split(path, ".") {
		object, _ := at.(map[string]any)
		at = object[name]
	}
	return at
}

// Of are the resources of a type.
func (d *Deployment) Of(kind string) []*Resource {
	return slices.DeleteFunc(slices.Clone(d.Resources), func(r *Resource) bool { return r.Type != kind })
}

// Deploy works out what a file deploys into a cloud, such as AzureCloud.
func (f *File) Deploy(cloud string, parameters map[string]any) (*Deployment, error) {
	s := &scope{file: f, cloud: cloud, values: map[string]any{}, busy: map[string]bool{}, deployment: &Deployment{Outputs: map[string]any{}}}
	if err := s.deploy(parameters); err != nil {
		return nil, err
	}
	return s.deployment, nil
}

// deploy takes the parameters and evaluates everything.
func (s *scope) deploy(parameters map[string]any) error {
	for name, value := range parameters {
		if d := s.file.named[name]; d == nil || d.Kind != "param" {
			return fmt.Errorf("%s: there is no parameter %s", s.file.Path, name)
		}
		s.values[name] = value
	}
	for _, d := range s.file.Declared {
		value := s.declared(d)
		switch d.Kind {
		case "param":
			s.checkParameter(d, value)
		case "output":
			s.deployment.Outputs[d.Name] = value
		case "resource":
			s.collect(value)
		case "module":
			if m, ok := value.(*Deployment); ok {
				s.deployment.Resources = append(s.deployment.Resources, m.Resources...)
			}
		}
	}
	return s.problem
}

// collect adds resources to those of the deployment.
func (s *scope) collect(value any) {
	switch v := value.(type) {
	case *Resource:
		if !v.Existing {
			s.deployment.Resources = append(s.deployment.Resources, v)
		}
		for _, name := range sorted(v.children) {
			s.collect(v.children[name])
		}
	case []any:
		for _, each := range v {
			s.collect(each)
		}
	}
}

// checkParameter makes sure that a value has the type of a parameter, and is allowed.
func (s *scope) checkParameter(d *Declaration, value any) {
	ok := false
	switch d.Type {
	case "string":
		_, ok = value.(string)
	case "int":
		_, ok = value.(int)
	case "bool":
		_, ok = value.(bool)
	case "array":
		_, ok = value.([]any)
	case "object":
		_, ok = value.(map[string]any)
	}
	if !ok {
		s.fail(d.Line, "%s is a %s, not %v", d.Name, d.Type, value)
	}
	if allowed := d.decorators["allowed"]; len(allowed) > 0 {
		if list, _ := s.eval(&allowed[0]).([]any); !slices.Contains(list, value) {
			s.fail(d.Line, "%s is not one of %v", d.Name, list)
		}
	}
	n, isInt := value.(int)
	for bound, ok := range map[string]func(limit int) bool{
		"minValue": func(limit int) bool { return n >= limit }, "maxValue": func(limit int) bool { return n <= limit },
	} {
		if arguments := d.decorators[bound]; isInt && len(arguments) == 1 {
			if limit, _ := s.eval(&arguments[0]).(int); !ok(limit) {
				s.fail(d.Line, "%s is out of bounds: %d", d.Name, n)
			}
		}
	}
}

// fail notes the first thing that is wrong with a file, and stands for the value.
func (s *scope) fail(line int, format string, values ...any) any {
	if s.problem == nil {
		s.problem = fmt.Errorf("%s:%d: "+format, append([]any{s.file.Path, line}, values...)...)
	}
	return nil
}
