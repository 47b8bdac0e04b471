package stepfunctions

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/repository"
)

// Deploy creates a state machine of infra/statemachine and returns its ARN. The
// values of its placeholders are put in as the DefinitionSubstitutions of
// template.yaml do; a placeholder without a value and a value without a
// placeholder are errors, because the template makes neither. Every wait is a
// second long, the shortest that the language has. The texts replace are pairs,
// old and new.
func (s *Server) Deploy(ctx context.Context, name, file string, substitutions map[string]string, replace ...string) (string, error) {
	path, err := repository.Path("infra", "statemachine", file)
	if err != nil {
		return "", err
	}
	definition, err := define(path, substitutions)
	if err != nil {
		return "", err
	}
	if definition, err = shortenWaits(definition); err != nil {
		return "", err
	}
	return s.Create(ctx, name, strings.NewReplacer(replace...).Replace(definition))
}

func define(path string, substitutions map[string]string) (string, error) {
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

// shortenWaits makes every wait between two tries, and every Wait, a second long.
func shortenWaits(definition string) (string, error) {
	var machine any
	decoder := json.NewDecoder(strings.NewReader(definition))
	decoder.UseNumber() // moto takes 100.0 but not 100
	if err := decoder.Decode(&machine); err != nil {
		return "", fmt.Errorf("the state machine: %w", err)
	}
	shorten(machine)
	text, err := json.Marshal(machine)
	return string(text), err
}

func shorten(node any) {
	switch node := node.(type) {
	case []any:
		for _, each := range node {
			shorten(each)
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
			shorten(each)
		}
	}
}
