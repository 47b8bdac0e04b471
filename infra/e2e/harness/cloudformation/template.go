// Package cloudformation reads template.yaml as CloudFormation does, for tests of
// what it promises.
package cloudformation

import (
	"fmt"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Template is template.yaml, its short intrinsics (!Ref) in their long form
// ({"Ref": ...}).
type Template struct {
	// Parameters, Mappings, Rules, Conditions, Resources and Outputs are its sections.
	Parameters, Mappings, Rules, Conditions, Resources, Outputs map[string]any
}

// Read reads a template.
func Read(path string) (*Template, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the template: %w", err)
	}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, fmt.Errorf("the template: %w", err)
	}
	root, ok := value(document.Content[0]).(map[string]any)
	if !ok {
		return nil, fmt.Errorf("the template %s is no map", path)
	}
	section := func(name string) map[string]any {
		m, _ := root[name].(map[string]any)
		return m
	}
	return &Template{section("Parameters"), section("Mappings"), section("Rules"), section("Conditions"), section("Resources"), section("Outputs")}, nil
}

// value makes maps, lists and strings of a node; every scalar is its text.
func value(node *yaml.Node) any {
	if node.Kind == yaml.AliasNode {
		return value(node.Alias)
	}
	var plain any
	switch node.Kind {
	case yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i < len(node.Content); i += 2 {
			m[node.Content[i].Value] = value(node.Content[i+1])
		}
		plain = m
	case yaml.SequenceNode:
		list := []any{}
		for _, each := range node.Content {
			list = append(list, value(each))
		}
		plain = list
	default:
		plain = node.Value
	}
	switch tag := node.Tag; {
	case tag == "!Ref", tag == "!Condition":
		return map[string]any{tag[1:]: plain}
	case tag == "!GetAtt":
		resource, attribute, _ := strings.Cut(node.Value, ".")
		return map[string]any{"Fn::GetAtt": []any{resource, attribute}}
	case strings.HasPrefix(tag, "!") && !strings.HasPrefix(tag, "!!"):
		return map[string]any{"Fn::" + tag[1:]: plain}
	}
	return plain
}
