package bicep

import (
	"fmt"
	"slices"
)

// Check reports the names that a file uses and does not declare, and the parameters and
// variables that it declares and does not use.
func (f *File) Check() []string {
	u := &usage{f: f, used: map[string]bool{}}
	for _, d := range f.Declared {
		if d.value != nil {
			u.walk(d.value, nil)
		}
	}
	for _, d := range f.Declared {
		if (d.Kind == "param" || d.Kind == "var") && !u.used[d.Name] {
			u.report(d.Line, "%s %s is not used", d.Kind, d.Name)
		}
	}
	return u.problems
}

type usage struct {
	f        *File
	used     map[string]bool
	problems []string
}

func (u *usage) report(line int, format string, values ...any) {
	u.problems = append(u.problems, fmt.Sprintf("%s:%d: ", u.f.Path, line)+fmt.Sprintf(format, values...))
}

// walk looks at the names below a node, where those of loops and lambdas are known besides.
func (u *usage) walk(n *node, local []string) {
	parts := n.Parts
	switch n.Kind {
	case "identifier":
		u.used[n.Text] = true
		if u.f.named[n.Text] == nil && !slices.Contains(local, n.Text) {
			u.report(n.Line, "%s is not declared", n.Text)
		}
	case "call_expression":
		if _, found := functions()[parts[0].Text]; !found {
			u.report(n.Line, "the function %s is not known here", parts[0].Text)
		}
		parts = parts[1:]
	case "object_property":
		if parts[0].Kind == "resource_declaration" {
			parts = parts[0].Parts[2:]
		} else if parts[0].Kind == "identifier" {
			parts = parts[1:]
		}
	case "resource_expression":
		parts = parts[:1]
	case "for_statement":
		u.walk(&parts[1], local)
		local = append(slices.Clip(local), variables(&parts[0])...)
		parts = parts[2:]
	case "lambda_expression":
		local = append(slices.Clip(local), parts[0].Text)
		parts = parts[1:]
	}
	for i := range parts {
		u.walk(&parts[i], local)
	}
}

// variables are those of a loop: the element, and its index if there are two.
func variables(n *node) []string {
	if n.Kind == "identifier" {
		return []string{n.Text}
	}
	var names []string
	for _, part := range n.Parts {
		names = append(names, typeOf(&part))
	}
	return names
}
