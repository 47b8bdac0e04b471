package athena_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// expected is what a column of a type of Hive has for a value of Graph, as JSON: names are in
// lower case, and what is null is left out.
func expected(t *testing.T, value any, hive string) any {
	t.Helper()
	switch v := value.(type) {
	case nil:
		return nil
	case []any:
		if element, is := inside(hive, "array"); is {
			list := make([]any, len(v))
			for i := range v {
				list[i] = expected(t, v[i], element)
			}
			return list
		}
	case map[string]any:
		members, is := inside(hive, "struct")
		if !is {
			break
		}
		of := map[string]any{}
		for _, member := range split(members) {
			name, kind, _ := strings.Cut(member, ":")
			for key, each := range v {
				if strings.ToLower(key) == name && each != nil {
					of[name] = expected(t, each, kind)
				}
			}
		}
		return of
	case string:
		if hive == "timestamp" {
			at, err := time.Parse(time.RFC3339, v)
			if err != nil {
				return nil // Graph's "" for never
			}
			return at.UTC().Format("2006-01-02 15:04:05.000")
		}
		return strings.ToValidUTF8(v, string(utf8.RuneError))
	}
	if hive == "string" { // what has no type of its own is JSON
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		return jsonText(text)
	}
	return value
}

// jsonText is the text of a value that has no type of its own.
type jsonText string

// inside is what is between the brackets of a type of that kind.
func inside(hive, kind string) (string, bool) {
	rest, is := strings.CutPrefix(hive, kind+"<")
	return strings.TrimSuffix(rest, ">"), is
}

// split splits the members of a structure.
func split(members string) (all []string) {
	depth, from := 0, 0
	for i, c := range members {
		switch c {
		case '<':
			depth++
		case '>':
			depth--
		case ',':
			if depth == 0 {
				all, from = append(all, members[from:i]), i+1
			}
		}
	}
	return append(all, members[from:])
}

// withoutNulls leaves out members that are null.
func withoutNulls(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for name, each := range v {
			if v[name] = withoutNulls(each); v[name] == nil {
				delete(v, name)
			}
		}
	case []any:
		for i := range v {
			v[i] = withoutNulls(v[i])
		}
	}
	return value
}
