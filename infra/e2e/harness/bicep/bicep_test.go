package bicep

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// write writes files and returns the path of main.bicep.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "main.bicep")
}

func TestASyntaxErrorIsFoundAtItsLine(t *testing.T) {
	for text, line := range map[string]string{
		"param a string = 'x'\nvar b 'y'\n":                                     ":2: ",
		"var a = {\n  b: 'c'\n":                                                 ":1: ",
		"var a = 'b\n":                                                          ":2: ", // a string may have several lines here
		"resource r 'A/b@2020-01-01' {\n  name: 'x'\n}\n":                       ":1: ",
		"extension microsoftGraphV1\nextension a b\n":                           ":2: ",
		"resource r 'A/b@2020-01-01' = {\n  name = 'x'\n}\noutput o = r.id\n":   ":2: ",
		"var a = [for n in b {\n  c: n\n}]\n":                                   ":1: ",
		"module m 'm.bicep' = if b {\n  params: {}\n}\noutput o string = m.x\n": ":1: ",
	} {
		if _, err := Read(t.Context(), write(t, map[string]string{"main.bicep": text})); err == nil || !strings.Contains(err.Error(), "main.bicep"+line) {
			t.Errorf("%s%v, want %q", text, err, line)
		}
	}
}

func TestExpressionsMeanWhatBicepSays(t *testing.T) {
	const main = `
extension microsoftGraphV1

@description('What it is for: it\'s a test.')
@allowed(['a', 'b'])
param letter string = 'a'
param list array = ['x', 'y']
param on bool = true
var name = 'n-${letter} ${on ? 'yes' : 'no'}\n'
var bag = union({ one: 1, two: letter == 'a' && !on ? 2 : 3 }, on ? { '${letter}-3': list[1] } : {})

resource r 'A/r@2020-01-01' = {
  name: 'r'
  properties: bag

  resource child 'c' = [for (item, i) in list: {
    name: '${item}${i}'
  }]
}
resource off 'A/r@2020-01-01' = if (!on) {
  name: 'off'
}
module m 'm.bicep' = {
  name: 'm'
  params: {
    of: r::child[1].id
  }
}
output name string = name
output mapped array = map(concat(list, ['z']), item => '${item}!')
output filtered string = filter([{ k: 'a', v: 'first' }, { k: 'b', v: 'second' }], each => (each.k == 'b'))[0].v
output numbers int = max(7 / 2, min(9, 2))
output empties bool = empty('') && !empty(list)
output module string = m.outputs.end
output encoded string = base64(trim(' {} '))
`
	const module = "param of string\noutput end string = replace(of, '/providers/', '|')\n"
	f, err := Read(t.Context(), write(t, map[string]string{"main.bicep": main, "m.bicep": module}))
	if err != nil {
		t.Fatal(err)
	}
	if problems := f.Check(); problems != nil {
		t.Error(problems)
	}
	if got := f.Of("param")[0].Described(); got != "What it is for: it's a test." {
		t.Errorf("the parameter is described by %q", got)
	}
	d, err := f.Deploy("AzureCloud", map[string]any{"letter": "b"})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"name": "n-b yes\n", "mapped": []any{"x!", "y!", "z!"}, "filtered": "second", "numbers": 3,
		"empties": true, "module": group + "|A/r/r/c/y1", "encoded": "e30=",
	}
	if diff := cmp.Diff(want, d.Outputs); diff != "" {
		t.Error(diff)
	}
	var ids []string
	for _, r := range d.Resources {
		ids = append(ids, strings.TrimPrefix(r.ID(), group+"/providers/")+"@"+r.Version)
	}
	if diff := cmp.Diff([]string{"A/r/r@2020-01-01", "A/r/r/c/x0@2020-01-01", "A/r/r/c/y1@2020-01-01"}, ids); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]any{"one": 1, "two": 3, "b-3": "y"}, d.Resources[0].At("properties")); diff != "" {
		t.Error(diff)
	}
}

func TestWhatCannotBeDeployedIsAnErrorThatSaysWhere(t *testing.T) {
	const module = "param of string\noutput o string = of\n"
	for text, want := range map[string]string{
		"output o string = nobody\n":                          "1: nobody is not declared",
		"var a = b\nvar b = a\n":                              "depends on itself",
		"param a string\n":                                    "1: a has no value",
		"param a int = 'x'\n":                                 "1: a is a int",
		"@maxValue(3)\nparam a int = 4\n":                     "2: a is out of bounds",
		"output o string = surely('x')\n":                     "the function surely is not known",
		"output o string = 'a${[]}'\n":                        "in a string",
		"var a = { b: 1 }\noutput o int = a.c\n":              "2: there is no c",
		"var a = { b: 1, b: 2 }\n":                            "b is there twice",
		"var a = ['x']\noutput o string = a[1]\n":             "2: there is no element 1",
		"module m 'm.bicep' = {\n  params: {}\n}\n":           "of has no value",
		"module m 'm.bicep' = {\n  params: { off: 'x' }\n}\n": "there is no parameter off",
		"param on bool = false\nmodule m 'm.bicep' = if (on) {\n  params: { of: 'x' }\n}\noutput o string = m.outputs.o\n": "5: there is no outputs",
	} {
		f, err := Read(t.Context(), write(t, map[string]string{"main.bicep": text, "m.bicep": module}))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Deploy("AzureCloud", nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s%v, want %q", text, err, want)
		}
	}
}

func TestNamesAreLookedAtWhereNothingIsEvaluated(t *testing.T) {
	const text = `param used string = 'x'
param unused string = 'x'
var off = false ? nobody : [for item in [used]: item]
output o array = off
output p string = off ? surely(item) : map(off, each => each)
resource r 'A/r@2020-01-01' = {
  name: 'r'
  unused: 'a key is no use'
}
`
	f, err := Read(t.Context(), write(t, map[string]string{"main.bicep": text}))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, problem := range f.Check() {
		_, problem, _ = strings.Cut(problem, "main.bicep:")
		got = append(got, problem)
	}
	want := []string{"3: nobody is not declared", "5: the function surely is not known here", "5: item is not declared", "2: param unused is not used"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
