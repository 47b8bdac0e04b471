package bicep

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// scope is where the expressions of a file are evaluated.
type scope struct {
	file       *File
	cloud      string
	values     map[string]any // of parameters, variables, resources and modules
	local      map[string]any // of loops and lambdas
	busy       map[string]bool
	deployment *Deployment
	problem    error // the first one; what is evaluated after it means nothing
}

// declared is the value of a declaration, which is evaluated once, when somebody asks.
func (s *scope) declared(d *Declaration) any {
	if d.Kind == "output" {
		return s.eval(d.value)
	}
	if value, known := s.values[d.Name]; known {
		return value
	}
	if s.busy[d.Name] {
		return s.fail(d.Line, "%s depends on itself", d.Name)
	}
	if d.value == nil {
		return s.fail(d.Line, "%s has no value", d.Name)
	}
	s.busy[d.Name] = true
	outside := s.local
	s.local = nil
	switch d.Kind {
	case "resource":
		s.values[d.Name] = s.resource(d, nil)
	case "module":
		s.values[d.Name] = s.module(d)
	default:
		s.values[d.Name] = s.eval(d.value)
	}
	s.local = outside
	return s.values[d.Name]
}

// with evaluates something where more names are known.
func (s *scope) with(more map[string]any, do func() any) any {
	outside := s.local
	s.local = maps.Clone(outside)
	if s.local == nil {
		s.local = map[string]any{}
	}
	maps.Copy(s.local, more)
	defer func() { s.local = outside }()
	return do()
}

// loop evaluates the body of a loop for each element.
func (s *scope) loop(n *node, do func() any) any {
	list, ok := s.eval(&n.Parts[1]).([]any)
	if !ok {
		return s.fail(n.Line, "this is no list")
	}
	names, all := variables(&n.Parts[0]), make([]any, len(list))
	for i, each := range list {
		more := map[string]any{names[0]: each}
		if len(names) == 2 {
			more[names[1]] = i
		}
		all[i] = s.with(more, do)
	}
	return all
}

// resource is a resource, a list of them, or nil if its condition does not hold.
func (s *scope) resource(d *Declaration, parent *Resource) any {
	return s.conditional(d.value, func(object *node) any {
		kind, version, _ := strings.Cut(d.Type, "@")
		r := &Resource{Symbol: d.Name, Type: kind, Version: version, Parent: parent, Existing: d.Existing, Decorators: sorted(d.decorators), children: map[string]any{}}
		if parent != nil {
			r.Type, r.Version = parent.Type+"/"+kind, parent.Version
		}
		r.Body = s.object(object)
		if p, ok := r.Body["parent"].(*Resource); ok {
			r.Parent = p
		}
		r.Scope, _ = r.Body["scope"].(*Resource)
		for _, child := range d.children {
			r.children[child.Name] = s.resource(child, r)
		}
		return r
	})
}

// conditional evaluates what may have a condition or be in a loop.
func (s *scope) conditional(n *node, do func(*node) any) any {
	switch n.Kind {
	case "for_statement":
		return s.loop(n, func() any { return s.conditional(&n.Parts[2], do) })
	case "if_statement":
		if !s.truth(&n.Parts[0]) {
			return nil
		}
		return s.conditional(&n.Parts[1], do)
	}
	return do(n)
}

// module is the deployment of a module, or nil if its condition does not hold.
func (s *scope) module(d *Declaration) any {
	return s.conditional(d.value, func(object *node) any {
		parameters, _ := s.object(object)["params"].(map[string]any)
		m, err := s.file.modules[d.Type].Deploy(s.cloud, parameters)
		if err != nil {
			return s.fail(d.Line, "%w", err)
		}
		return m
	})
}

func (s *scope) truth(n *node) bool {
	value, ok := s.eval(n).(bool)
	if !ok {
		s.fail(n.Line, "this is neither true nor false")
	}
	return value
}

func (s *scope) text(n *node) string {
	value, ok := s.eval(n).(string)
	if !ok {
		s.fail(n.Line, "this is no string")
	}
	return value
}

func (s *scope) object(n *node) map[string]any {
	object := map[string]any{}
	for _, p := range n.Parts {
		if p.Parts[0].Kind == "resource_declaration" {
			continue
		}
		name := p.Parts[0].Text
		if p.Parts[0].Kind == "string" {
			name = s.text(&p.Parts[0])
		}
		if _, twice := object[name]; twice {
			s.fail(p.Line, "%s is there twice", name)
		}
		object[name] = s.eval(&p.Parts[1])
	}
	return object
}

// eval evaluates an expression.
func (s *scope) eval(n *node) any {
	switch n.Kind {
	case "identifier":
		return s.name(n)
	case "string":
		return s.join(n)
	case "number":
		number, err := strconv.Atoi(n.Text)
		if err != nil {
			return s.fail(n.Line, "%w", err)
		}
		return number
	case "boolean":
		return n.Text == "true"
	case "null":
		return nil
	case "array":
		list := make([]any, len(n.Parts))
		for i := range n.Parts {
			list[i] = s.eval(&n.Parts[i])
		}
		return list
	case "object":
		return s.object(n)
	case "parenthesized_expression":
		return s.eval(&n.Parts[0])
	case "for_statement":
		return s.loop(n, func() any { return s.eval(&n.Parts[2]) })
	case "ternary_expression":
		if s.truth(&n.Parts[0]) {
			return s.eval(&n.Parts[1])
		}
		return s.eval(&n.Parts[2])
	case "unary_expression":
		return !s.truth(&n.Parts[0])
	case "binary_expression":
		return s.binary(n)
	case "member_expression", "resource_expression":
		return s.member(n.Line, s.eval(&n.Parts[0]), n.Parts[1].Text)
	case "subscript_expression":
		return s.element(n)
	case "call_expression":
		return s.call(n)
	case "lambda_expression":
		return func(value any) any {
			return s.with(map[string]any{n.Parts[0].Text: value}, func() any { return s.eval(&n.Parts[1]) })
		}
	}
	return s.fail(n.Line, "a %s, which is not understood here", n.Kind)
}

// element is one of a list, or a member of an object.
func (s *scope) element(n *node) any {
	of, which := s.eval(&n.Parts[0]), s.eval(&n.Parts[1])
	if name, ok := which.(string); ok {
		return s.member(n.Line, of, name)
	}
	list, _ := of.([]any)
	if index, ok := which.(int); ok && index < len(list) {
		return list[index]
	}
	return s.fail(n.Line, "there is no element %v", which)
}

func (s *scope) name(n *node) any {
	if value, found := s.local[n.Text]; found {
		return value
	}
	d := s.file.named[n.Text]
	if d == nil {
		return s.fail(n.Line, "%s is not declared", n.Text)
	}
	return s.declared(d)
}

// join makes a text of the parts of a string.
func (s *scope) join(n *node) string {
	var b strings.Builder
	for i := range n.Parts {
		p := &n.Parts[i]
		if p.Kind == "text" {
			b.WriteString(p.Text)
			continue
		}
		switch value := s.eval(&p.Parts[0]).(type) {
		case string, int:
			fmt.Fprint(&b, value)
		default:
			s.fail(p.Line, "%T in a string", value)
		}
	}
	return b.String()
}

func (s *scope) binary(n *node) any {
	switch n.Marks[0] {
	case "&&":
		return s.truth(&n.Parts[0]) && s.truth(&n.Parts[1])
	case "||":
		return s.truth(&n.Parts[0]) || s.truth(&n.Parts[1])
	case "==":
		return reflect.DeepEqual(s.eval(&n.Parts[0]), s.eval(&n.Parts[1]))
	case "!=":
		return !reflect.DeepEqual(s.eval(&n.Parts[0]), s.eval(&n.Parts[1]))
	case "/":
		a, isA := s.eval(&n.Parts[0]).(int)
		if b, isB := s.eval(&n.Parts[1]).(int); isA && isB && b != 0 {
			return a / b
		}
	}
	return s.fail(n.Line, "the operator %s is not understood here", n.Marks[0])
}

// member is a member of something: what is declared of it, or what Azure answers.
func (s *scope) member(line int, of any, name string) any {
	switch v := of.(type) {
	case map[string]any:
		if value, found := v[name]; found {
			return value
		}
	case *Deployment:
		if name == "outputs" {
			return v.Outputs
		}
	case *Resource:
		if child, found := v.children[name]; found {
			return child
		}
		if name == "id" && v.Type != "Microsoft.Graph/servicePrincipals" {
			return v.ID()
		}
		if value, found := s.answer(v)[name]; found {
			return value
		}
		if value, found := v.Body[name]; found {
			return value
		}
	}
	return s.fail(line, "there is no %s", name)
}

// sorted are the keys of a map in their order.
func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
