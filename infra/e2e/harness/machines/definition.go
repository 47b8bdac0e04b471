package machines

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
)

// Definition reads a state machine and puts in the values of its placeholders,
// as the DefinitionSubstitutions of template.yaml do. A placeholder without a
// value and a value without a placeholder are errors: the template makes
// neither.
func Definition(path string, substitutions map[string]string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read the state machine: %w", err)
	}
	used := map[string]bool{}
	var missing []string
	whole := placeholder.ReplaceAllStringFunc(string(text), func(found string) string {
		name := found[2 : len(found)-1]
		value, ok := substitutions[name]
		if !ok {
			missing = append(missing, name)
		}
		used[name] = true
		return value
	})
	if len(missing) > 0 {
		return "", fmt.Errorf("%s: no value for %q", path, missing)
	}
	for name := range substitutions {
		if !used[name] {
			return "", fmt.Errorf("%s has no placeholder ${%s}", path, name)
		}
	}
	return whole, nil
}

// Placeholders lists the placeholders of a state machine, each once, sorted.
func Placeholders(path string) ([]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the state machine: %w", err)
	}
	var names []string
	for _, found := range placeholder.FindAllStringSubmatch(string(text), -1) {
		names = append(names, found[1])
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

var placeholder = regexp.MustCompile(`\$\{(\w+)\}`)

// Hurried returns the same state machine with every wait between two tries, and
// every Wait, a second long: the shortest that the language has. Everything
// else is as it was.
func Hurried(definition string) (string, error) {
	var machine any
	decoder := json.NewDecoder(strings.NewReader(definition))
	decoder.UseNumber() // moto tells 100.0, which it takes, from 100
	if err := decoder.Decode(&machine); err != nil {
		return "", fmt.Errorf("the state machine: %w", err)
	}
	hurry(machine)
	text, err := json.Marshal(machine)
	return string(text), err
}

func hurry(node any) {
	switch node := node.(type) {
	case []any:
		for _, each := range node {
			hurry(each)
		}
	case map[string]any:
		if _, is := node["ErrorEquals"]; is && node["Next"] == nil {
			node["IntervalSeconds"], node["BackoffRate"] = 1, 1
			delete(node, "JitterStrategy")
		}
		if node["Type"] == "Wait" {
			node["Seconds"] = 1
		}
		for _, each := range node {
			hurry(each)
		}
	}
}
