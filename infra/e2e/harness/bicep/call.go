package bicep

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
)

// function is one of Bicep's, as far as the files use it.
type function func(arguments []any) (any, error)

// functions are those that are known here.
func functions() map[string]function {
	return map[string]function{
		"base64": texts(1, func(a []string) any { return base64.StdEncoding.EncodeToString([]byte(a[0])) }),
		"concat": func(a []any) (any, error) {
			all := []any{}
			for _, each := range a {
				list, ok := each.([]any)
				if !ok {
					return nil, fmt.Errorf("concat of %T", each)
				}
				all = append(all, list...)
			}
			return all, nil
		},
		"empty":         empty,
		"environment":   nil, // see call: they say where the deployment is
		"resourceGroup": nil,
		"tenant":        nil,
		"filter":        over(func(value, result any) []any { return map[bool][]any{true: {value}}[result == true] }),
		"map":           over(func(_, result any) []any { return []any{result} }),
		"guid":          texts(-1, func(a []string) any { return guid(a...) }),
		"newGuid":       func([]any) (any, error) { return guid("new"), nil },
		"max":           numbers(func(a, b int) int { return max(a, b) }),
		"min":           numbers(func(a, b int) int { return min(a, b) }),
		"replace":       texts(3, func(a []string) any { return strings.ReplaceAll(a[0], a[1], a[2]) }),
		"string": func(a []any) (any, error) {
			text, err := json.Marshal(a) // without the brackets
			return string(text[1 : len(text)-1]), err
		},
		"subscriptionResourceId": texts(2, func(a []string) any { return subscription + "/providers/" + a[0] + "/" + a[1] }),
		"trim":                   texts(1, func(a []string) any { return strings.TrimSpace(a[0]) }),
		"union": func(a []any) (any, error) {
			all := map[string]any{}
			for _, each := range a {
				object, ok := each.(map[string]any)
				if !ok {
					return nil, fmt.Errorf("union of %T", each)
				}
				maps.Copy(all, object)
			}
			return all, nil
		},
		"uniqueString": texts(-1, func(a []string) any { return digest(a...)[:13] }),
	}
}

// call calls a function.
func (s *scope) call(n *node) any {
	name := n.Parts[0].Text
	switch name {
	case "environment":
		return clouds()[s.cloud]
	case "resourceGroup":
		return map[string]any{"id": group, "location": "westeurope", "name": "rollcall"}
	case "tenant":
		return map[string]any{"tenantId": Tenant}
	}
	f := functions()[name]
	if f == nil {
		return s.fail(n.Line, "the function %s is not known here", name)
	}
	arguments := make([]any, len(n.Parts[1].Parts))
	for i := range arguments {
		arguments[i] = s.eval(&n.Parts[1].Parts[i])
	}
	value, err := f(arguments)
	if err != nil {
		return s.fail(n.Line, "%s: %w", name, err)
	}
	return value
}

// texts is a function of so many strings, or of any number if it is negative.
func texts(n int, do func([]string) any) function {
	return func(arguments []any) (any, error) {
		if n >= 0 && len(arguments) != n {
			return nil, fmt.Errorf("%d arguments, not %d", len(arguments), n)
		}
		all := make([]string, len(arguments))
		for i, each := range arguments {
			text, ok := each.(string)
			if !ok {
				return nil, fmt.Errorf("argument %d is %T", i, each)
			}
			all[i] = text
		}
		return do(all), nil
	}
}

func numbers(do func(a, b int) int) function {
	return func(arguments []any) (any, error) {
		if len(arguments) == 2 {
			a, isA := arguments[0].(int)
			if b, isB := arguments[1].(int); isA && isB {
				return do(a, b), nil
			}
		}
		return nil, fmt.Errorf("these are not two numbers: %v", arguments)
	}
}

// over is a function of a list and a lambda.
func over(do func(value, result any) []any) function {
	return func(arguments []any) (any, error) {
		if len(arguments) != 2 {
			return nil, fmt.Errorf("%d arguments, not 2", len(arguments))
		}
		list, isList := arguments[0].([]any)
		lambda, isLambda := arguments[1].(func(any) any)
		if !isList || !isLambda {
			return nil, fmt.Errorf("%T and %T", arguments[0], arguments[1])
		}
		all := []any{}
		for _, value := range list {
			all = append(all, do(value, lambda(value))...)
		}
		return all, nil
	}
}

func empty(arguments []any) (any, error) {
	if len(arguments) != 1 {
		return nil, fmt.Errorf("%d arguments, not 1", len(arguments))
	}
	switch v := arguments[0].(type) {
	case nil:
		return true, nil
	case string:
		return v == "", nil
	case []any:
		return len(v) == 0, nil
	case map[string]any:
		return len(v) == 0, nil
	}
	return nil, fmt.Errorf("empty of %T", arguments[0])
}

// digest stands for the hash that Azure makes, which is another one: letters and digits.
func digest(texts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(texts, "|")))
	return hex.EncodeToString(sum[:])
}

func guid(texts ...string) string {
	d := digest(texts...)
	return d[:8] + "-" + d[8:12] + "-4" + d[13:16] + "-8" + d[17:20] + "-" + d[20:32]
}
