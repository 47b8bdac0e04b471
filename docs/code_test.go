package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// sources calls visit for the syntax of every file below some folders, tests aside.
func sources(t *testing.T, visit func(*ast.File), folders ...string) {
	t.Helper()
	files := token.NewFileSet()
	for _, folder := range folders {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
			if err == nil {
				visit(file)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// variables are those of the environment that the program reads as its own.
func variables(t *testing.T) []string {
	t.Helper()
	var names []string
	sources(t, func(file *ast.File) {
		ast.Inspect(file, func(n ast.Node) bool {
			field, ok := n.(*ast.Field)
			if !ok || field.Tag == nil {
				return true
			}
			tag, err := strconv.Unquote(field.Tag.Value)
			if err != nil {
				t.Fatal(err)
			}
			if name := reflect.StructTag(tag).Get("env"); strings.HasPrefix(name, "ROLLCALL_") {
				names = append(names, name)
			}
			return true
		})
	}, "pkg", "functions")
	return sorted(names)
}

var errorName = regexp.MustCompile(`^(Config|Credentials|Graph|Internal|Request|Response|Sink|Snapshot|State)\.[A-Z][A-Za-z]+$`)

// errorNames are the public names of errors: the texts of their form in the program,
// the simulated tenant aside.
func errorNames(t *testing.T) []string {
	t.Helper()
	var names []string
	sources(t, func(file *ast.File) {
		ast.Inspect(file, func(n ast.Node) bool {
			literal, ok := n.(*ast.BasicLit)
			if !ok || literal.Kind != token.STRING {
				return true
			}
			if text, err := strconv.Unquote(literal.Value); err == nil && errorName.MatchString(text) {
				names = append(names, text)
			}
			return true
		})
	}, "pkg", "functions")
	return sorted(names)
}

var (
	parameter = regexp.MustCompile(`(?m)^  ([A-Za-z0-9]+):\n    Type: (?:String|Number|CommaDelimitedList)`)
	output    = regexp.MustCompile(`(?m)^  ([A-Za-z0-9]+):\n    (?:Condition|Description|Value):`)
	alarm     = regexp.MustCompile(`(?m)^  ([A-Za-z0-9]+):\n    Type: AWS::CloudWatch::Alarm`)
	target    = regexp.MustCompile(`(?m)^([a-z0-9-]+):.*##`)
)

// firstGroup is what the first group of a pattern finds in a file.
func firstGroup(t *testing.T, path string, pattern *regexp.Regexp) []string {
	t.Helper()
	var names []string
	for _, match := range pattern.FindAllStringSubmatch(read(t, path), -1) {
		names = append(names, match[1])
	}
	return sorted(names)
}

// flags are the names of the command line's commands, and of each its flags and those
// of its own commands, as the tags of its types have them.
func flags(t *testing.T) map[string][]string {
	t.Helper()
	types := map[string]*ast.StructType{}
	sources(t, func(file *ast.File) {
		ast.Inspect(file, func(n ast.Node) bool {
			if spec, ok := n.(*ast.TypeSpec); ok {
				if fields, ok := spec.Type.(*ast.StructType); ok {
					types[spec.Name.Name] = fields
				}
			}
			return true
		})
	}, "functions/rollcall")
	found := map[string][]string{}
	for name, of := range members(t, types, "commands", true) {
		if of != "" {
			for flag := range members(t, types, of, false) {
				found[name] = append(found[name], flag)
			}
		}
		found[name] = append(found[name], "help", "verbose")
	}
	return found
}

// members are the commands of a type, or all its flags with those of what it embeds and
// of its commands, by their names on the command line; the values are types.
func members(t *testing.T, types map[string]*ast.StructType, of string, commands bool) map[string]string {
	t.Helper()
	found := map[string]string{}
	fields := types[of]
	if fields == nil {
		return found
	}
	for _, field := range fields.Fields.List {
		tag := ""
		if field.Tag != nil {
			tag, _ = strconv.Unquote(field.Tag.Value)
		}
		_, isCommand := reflect.StructTag(tag).Lookup("cmd")
		kind, _ := field.Type.(*ast.Ident)
		switch {
		case len(field.Names) == 0 && kind != nil && !commands:
			for name, value := range members(t, types, kind.Name, false) {
				found[name] = value
			}
		case isCommand && commands:
			found[kebab(field.Names[0].Name)] = kind.Name
		case isCommand:
			for name, value := range members(t, types, kind.Name, false) {
				found[name] = value
			}
		case !commands:
			for _, name := range field.Names {
				flag := kebab(name.Name)
				if given := reflect.StructTag(tag).Get("name"); given != "" {
					flag = given
				}
				found[flag] = ""
			}
		}
	}
	return found
}

var capital = regexp.MustCompile(`([a-z0-9])([A-Z])`)

// kebab is a field's name as the command line has it.
func kebab(name string) string {
	return strings.ToLower(capital.ReplaceAllString(name, "$1-$2"))
}
