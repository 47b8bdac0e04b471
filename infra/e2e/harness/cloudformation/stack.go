package cloudformation

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Stack is a template with the values of its parameters: what would be made.
type Stack struct {
	// Resources are those whose condition holds, with every intrinsic resolved. A
	// Ref to a resource is its name in angle brackets, <Bucket>, an attribute
	// <Bucket.Arn>.
	Resources map[string]Resource
	// Outputs are the values of the outputs.
	Outputs map[string]any
}

// Resource is one of them.
type Resource struct {
	// Type is its type, such as AWS::S3::Bucket.
	Type string
	// Properties are its properties.
	Properties map[string]any
	// Attributes are all of it, such as DeletionPolicy.
	Attributes map[string]any
}

// Resolve makes a stack of the template. Parameters that are not given have
// their default; those that have none are an error. The error of a rule that does not hold is what the rule says.
func (t *Template) Resolve(parameters map[string]string) (*Stack, error) {
	r := resolver{template: t, values: map[string]any{
		"AWS::AccountId": "123456789012", "AWS::Partition": "aws", "AWS::Region": "eu-west-1",
		"AWS::StackName": "stack", "AWS::URLSuffix": "amazonaws.com", "AWS::NoValue": nil,
	}}
	for name, parameter := range t.Parameters {
		r.values[name] = parameter.(map[string]any)["Default"]
	}
	for name, given := range parameters {
		if _, known := t.Parameters[name]; !known {
			return nil, fmt.Errorf("there is no parameter %s", name)
		}
		r.values[name] = given
	}
	for name := range t.Parameters {
		if r.values[name] == nil {
			return nil, fmt.Errorf("the parameter %s has no default, and has to be given", name)
		}
	}
	stack := &Stack{Resources: map[string]Resource{}, Outputs: map[string]any{}}
	for name := range t.Rules {
		if text, holds := r.rule(name); !holds {
			return nil, fmt.Errorf("the rule %s: %s", name, text)
		}
	}
	for name, definition := range t.Resources {
		if all := r.made(definition); all != nil {
			properties, _ := all["Properties"].(map[string]any)
			stack.Resources[name] = Resource{all["Type"].(string), properties, all}
		}
	}
	for name, definition := range t.Outputs {
		if all := r.made(definition); all != nil {
			stack.Outputs[name] = all["Value"]
		}
	}
	if len(r.problems) > 0 {
		return nil, fmt.Errorf("the template: %s", strings.Join(r.problems, "; "))
	}
	return stack, nil
}

// Of lists the names of the resources of a type, sorted.
func (s *Stack) Of(resourceType string) []string {
	var names []string
	for name, r := range s.Resources {
		if r.Type == resourceType {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

type resolver struct {
	template *Template
	values   map[string]any
	problems []string
}

// made resolves a resource or an output, nil if its condition does not hold.
func (r *resolver) made(definition any) map[string]any {
	all := definition.(map[string]any)
	if condition, is := all["Condition"].(string); is && !r.condition(condition) {
		return nil
	}
	resolved := maps.Clone(all)
	delete(resolved, "Condition")
	return r.resolve(resolved).(map[string]any)
}

// rule reports whether a rule holds, and what it says where it does not.
func (r *resolver) rule(name string) (text string, holds bool) {
	rule := r.template.Rules[name].(map[string]any)
	if r.resolve(rule["RuleCondition"]) == false {
		return "", true
	}
	for _, each := range rule["Assertions"].([]any) {
		assertion := each.(map[string]any)
		if r.resolve(assertion["Assert"]) != true {
			return fmt.Sprint(assertion["AssertDescription"]), false
		}
	}
	return "", true
}

func (r *resolver) condition(name string) bool {
	return r.resolve(r.template.Conditions[name]) == true
}

func (r *resolver) resolve(node any) any {
	switch node := node.(type) {
	case []any:
		list := []any{}
		for _, each := range node {
			if v := r.resolve(each); v != nil {
				list = append(list, v)
			}
		}
		return list
	case map[string]any:
		if len(node) == 1 {
			for name, argument := range node {
				if v, is := r.intrinsic(name, argument); is {
					return v
				}
			}
		}
		resolved := map[string]any{}
		for name, each := range node {
			if v := r.resolve(each); v != nil {
				resolved[name] = v
			}
		}
		return resolved
	default:
		return node
	}
}

func (r *resolver) intrinsic(name string, argument any) (v any, is bool) {
	switch name {
	case "Ref":
		return r.ref(argument.(string)), true
	case "Fn::GetAtt":
		list := argument.([]any)
		return fmt.Sprintf("<%s.%s>", list[0], list[1]), true
	case "Fn::If":
		list := argument.([]any)
		if r.condition(list[0].(string)) {
			return r.resolve(list[1]), true
		}
		return r.resolve(list[2]), true
	case "Fn::Equals":
		list := r.resolve(argument).([]any)
		return list[0] == list[1], true
	case "Fn::Not":
		return r.resolve(argument).([]any)[0] == false, true
	case "Fn::And":
		return !slices.Contains(r.resolve(argument).([]any), any(false)), true
	case "Fn::Or":
		return slices.Contains(r.resolve(argument).([]any), any(true)), true
	case "Condition":
		name, is := argument.(string) // of a condition; a statement's own is a map
		return is && r.condition(name), is
	case "Fn::Select":
		return r.choose(r.resolve(argument).([]any)), true
	case "Fn::Split":
		list := r.resolve(argument).([]any)
		var parts []any
		for _, part := range strings.Split(list[1].(string), list[0].(string)) {
			parts = append(parts, part)
		}
		return parts, true
	case "Fn::Join":
		list := r.resolve(argument).([]any)
		var parts []string
		for _, part := range list[1].([]any) {
			parts = append(parts, fmt.Sprint(part))
		}
		return strings.Join(parts, list[0].(string)), true
	case "Fn::Sub":
		return r.sub(argument), true
	case "Fn::FindInMap":
		return r.find(r.resolve(argument).([]any)), true
	}
	if strings.HasPrefix(name, "Fn::") {
		r.problems = append(r.problems, "this package does not know "+name)
		return nil, true
	}
	return nil, false
}

// choose is Fn::Select: an index and a list.
func (r *resolver) choose(list []any) any {
	of, _ := list[1].([]any)
	i, err := strconv.Atoi(fmt.Sprint(list[0]))
	if err != nil || i >= len(of) {
		r.problems = append(r.problems, fmt.Sprintf("there is no item %v in %v", list[0], of))
		return nil
	}
	return of[i]
}

// find is Fn::FindInMap: a mapping and two keys.
func (r *resolver) find(keys []any) any {
	value := any(r.template.Mappings)
	for _, key := range keys {
		of, _ := value.(map[string]any)
		value = of[fmt.Sprint(key)]
	}
	if value == nil {
		r.problems = append(r.problems, fmt.Sprintf("there is no mapping for %v", keys))
	}
	return value
}

func (r *resolver) ref(name string) any {
	if v, known := r.values[name]; known {
		return v
	}
	if _, known := r.template.Resources[name]; !known {
		r.problems = append(r.problems, "there is no "+name)
	}
	return "<" + name + ">"
}

func (r *resolver) sub(argument any) string {
	text, is := argument.(string)
	own := map[string]any{}
	if !is {
		list := argument.([]any)
		text, own = list[0].(string), r.resolve(list[1]).(map[string]any)
	}
	return variable.ReplaceAllStringFunc(text, func(found string) string {
		name := found[2 : len(found)-1]
		if literal, is := strings.CutPrefix(name, "!"); is {
			return "${" + literal + "}"
		}
		if v, known := own[name]; known {
			return fmt.Sprint(v)
		}
		if resource, attribute, is := strings.Cut(name, "."); is {
			return fmt.Sprintf("<%s.%s>", resource, attribute)
		}
		return fmt.Sprint(r.ref(name))
	})
}

var variable = regexp.MustCompile(`\$\{[^}]+\}`)
