// Package bicep reads the Bicep files of infra/azure and works out what they deploy, for
// tests of what they promise. No compiler of Bicep can be installed by a package manager:
// the syntax is tree-sitter-bicep's, and what expressions mean is here, as far as these
// files use them. Anything else is an error.
package bicep

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/process"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/repository"
)

// File is a Bicep file.
type File struct {
	// Path is where it is.
	Path string
	// Declared is what it declares, in its order.
	Declared []*Declaration

	named   map[string]*Declaration // but outputs, whose names are their own
	modules map[string]*File        // by the path in a declaration
}

// Declaration is a parameter, variable, output, resource or module.
type Declaration struct {
	// Kind is "param", "var", "output", "resource" or "module".
	Kind, Name string
	Line       int
	// Type is that of a parameter, an output or a resource (with its version), or the
	// path of a module.
	Type string
	// Existing says that a resource is only referred to.
	Existing bool

	decorators map[string][]node // their arguments
	value      *node             // nil for a parameter without a default
	children   []*Declaration    // resources within a resource
}

// node is one of a syntax tree, see syntax.py.
type node struct {
	Kind  string
	Line  int
	Text  string
	Marks []string
	Parts []node
}

func (n *node) is(mark string) bool { return slices.Contains(n.Marks, mark) }

// Read reads a file and its modules, whose names have to resolve.
func Read(ctx context.Context, path string) (*File, error) {
	python, err := repository.Installed(".venv", "bin", "python")
	if err != nil {
		return nil, err
	}
	script, err := repository.Path("infra", "e2e", "harness", "bicep", "syntax.py")
	if err != nil {
		return nil, err
	}
	command := process.NewCommand(ctx, python, script, "--tree", path)
	var problems bytes.Buffer
	command.Stderr = &problems
	text, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, &problems)
	}
	var root node
	if err := json.Unmarshal(text, &root); err != nil {
		return nil, fmt.Errorf("the syntax tree of %s: %w", path, err)
	}
	f := &File{Path: path, named: map[string]*Declaration{}, modules: map[string]*File{}}
	if err := f.declare(root.Parts); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for _, d := range f.Declared {
		if d.Kind != "module" || f.modules[d.Type] != nil {
			continue
		}
		if f.modules[d.Type], err = Read(ctx, filepath.Join(filepath.Dir(path), d.Type)); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// Modules are the files of the modules, each once.
func (f *File) Modules() []*File {
	var all []*File
	for _, d := range f.Declared {
		if m := f.modules[d.Type]; d.Kind == "module" && !slices.Contains(all, m) {
			all = append(append(all, m), m.Modules()...)
		}
	}
	return all
}

// Of are the declarations of a kind.
func (f *File) Of(kind string) []*Declaration {
	var all []*Declaration
	for _, d := range f.Declared {
		if d.Kind == kind {
			all = append(all, d)
		}
	}
	return all
}

// Described is the text of @description, "" if there is none.
func (d *Declaration) Described() string {
	if arguments := d.decorators["description"]; len(arguments) == 1 && len(arguments[0].Parts) == 1 {
		return arguments[0].Parts[0].Text
	}
	return ""
}

// Decorated reports whether a declaration has a decorator.
func (d *Declaration) Decorated(name string) bool {
	_, found := d.decorators[name]
	return found
}

// declare collects the declarations of a file.
func (f *File) declare(parts []node) error {
	decorators := map[string][]node{}
	for i := range parts {
		n := &parts[i]
		if n.Kind == "decorators" {
			for _, each := range n.Parts {
				call := each.Parts[0]
				decorators[call.Parts[0].Text] = call.Parts[1].Parts
			}
			continue
		}
		d, err := declaration(n)
		if err != nil {
			return err
		}
		d.decorators, decorators = decorators, map[string][]node{}
		f.Declared = append(f.Declared, d)
		if d.Kind == "output" {
			continue
		}
		if f.named[d.Name] != nil {
			return fmt.Errorf("line %d: %s is declared twice", d.Line, d.Name)
		}
		f.named[d.Name] = d
	}
	return nil
}

// kinds are the declarations, by the names of their nodes.
func kinds() map[string]string {
	return map[string]string{
		"parameter_declaration": "param", "variable_declaration": "var", "output_declaration": "output",
		"resource_declaration": "resource", "module_declaration": "module",
	}
}

func declaration(n *node) (*Declaration, error) {
	kind, found := kinds()[n.Kind]
	if !found {
		return nil, fmt.Errorf("line %d: a %s, which is not understood here", n.Line, n.Kind)
	}
	d := &Declaration{Kind: kind, Name: n.Parts[0].Text, Line: n.Line, Existing: n.is("existing")}
	rest := n.Parts[1:]
	if kind != "var" {
		d.Type = typeOf(&rest[0])
		rest = rest[1:]
	}
	if len(rest) > 0 {
		d.value = &rest[0]
	}
	if kind != "resource" {
		return d, nil
	}
	for _, p := range body(d.value).Parts {
		if p.Parts[0].Kind != "resource_declaration" {
			continue
		}
		child, err := declaration(&p.Parts[0])
		if err != nil {
			return nil, err
		}
		d.children = append(d.children, child)
	}
	return d, nil
}

// typeOf is the text of a type or of a string without expressions.
func typeOf(n *node) string {
	for len(n.Parts) == 1 {
		n = &n.Parts[0]
	}
	return n.Text
}

// body is the object of a resource or module, below its condition or loop.
func body(n *node) *node {
	for n.Kind == "if_statement" || n.Kind == "for_statement" {
		n = &n.Parts[len(n.Parts)-1]
	}
	return n
}
