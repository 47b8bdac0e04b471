package docs_test

import (
	"maps"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/telemetry"
)

func TestEveryVariableIsDocumented(t *testing.T) {
	known := variables(t)
	same(t, "variable", "the table of README.md", rows(section(t, "README.md", "## Configure")), known)
	found := mentions(t, regexp.MustCompile(`\bROLLCALL_[A-Z_]*[A-Z]\b`))
	delete(found, "ROLLCALL_REPLACED") // a staging label of Secrets Manager
	exist(t, "variable", found, known)
}

func TestEveryErrorIsDocumented(t *testing.T) {
	known := errorNames(t)
	same(t, "error", "the table of README.md", rows(section(t, "README.md", "## When it fails")), known)
	same(t, "error", "the table of docs/operate.md", rows(section(t, "docs/operate.md", "## Errors")), known)
	found := mentions(t, regexp.MustCompile("`((?:Config|Credentials|Graph|Internal|Request|Response|Sink|Snapshot|State)\\.[A-Z][A-Za-z]+)`"))
	delete(found, "State.String") // a method of Go
	exist(t, "error", found, known)
}

func TestEveryMetricIsDocumented(t *testing.T) {
	var known, found [][]string
	for _, d := range telemetry.Definitions() {
		known = append(known, []string{"`" + string(d.Metric) + "`", d.Unit, strings.Join(d.Jobs, ", ")})
	}
	for line := range strings.Lines(section(t, "docs/operate.md", "## Metrics")) {
		if cells := strings.Split(line, " | "); len(cells) == 4 && strings.HasPrefix(line, "| `") {
			found = append(found, []string{strings.TrimPrefix(cells[0], "| "), cells[1], strings.TrimSuffix(strings.TrimSpace(cells[3]), " |")})
		}
	}
	if diff := cmp.Diff(known, found); diff != "" {
		t.Errorf("the table of docs/operate.md: -code +page\n%s", diff)
	}
}

func TestEveryCommandIsDocumented(t *testing.T) {
	known := flags(t)
	commands := slices.Collect(maps.Keys(known))
	found := mentions(t, regexp.MustCompile("(?:`rollcall|go run \\./functions/rollcall) ([a-z]+)"))
	exist(t, "command", found, commands)
	for _, name := range sorted(commands) {
		if len(found[name]) == 0 {
			t.Errorf("no page mentions rollcall %s", name)
		}
	}
	// Flags, in what is typed and in what is quoted.
	line := regexp.MustCompile("(?:`rollcall|go run \\./functions/rollcall) ([a-z]+)([^`\n|]*)")
	flag := regexp.MustCompile(` --([a-z-]+)`)
	for _, p := range pages(t) {
		for _, call := range line.FindAllStringSubmatch(p.text, -1) {
			for _, given := range flag.FindAllStringSubmatch(call[2], -1) {
				if !slices.Contains(known[call[1]], given[1]) {
					t.Errorf("%s: rollcall %s has no flag --%s", p.path, call[1], given[1])
				}
			}
		}
	}
}

func TestEveryPackageIsInTheTable(t *testing.T) {
	entries, err := os.ReadDir(filepath.Join(root, "pkg"))
	if err != nil {
		t.Fatal(err)
	}
	var packages, documented []string
	for _, entry := range entries {
		if entry.IsDir() && entry.Name() != "simulator" { // it is no part of what is deployed
			packages = append(packages, entry.Name())
		}
	}
	for _, name := range rows(section(t, "docs/design.md", "## One way through")) {
		if !strings.Contains(name, "/") {
			documented = append(documented, name)
		}
	}
	same(t, "package", "the table of docs/design.md", documented, packages)
}

func TestEveryTargetIsDocumented(t *testing.T) {
	known := firstGroup(t, "Makefile", target)
	found := mentions(t, regexp.MustCompile("(?m)(?:`|^)make ([a-z][a-z0-9-]*)"))
	exist(t, "target of make", found, known)
	for _, name := range known {
		if len(found[name]) == 0 {
			t.Errorf("no page mentions make %s", name)
		}
	}
}

// Parameters and outputs are told from other words by how they are used.
func TestTheTemplateHasWhatIsSaidOfIt(t *testing.T) {
	names := slices.Concat(firstGroup(t, "template.yaml", parameter), firstGroup(t, "template.yaml", output))
	exist(t, "parameter", mentions(t, regexp.MustCompile("`([A-Z][A-Za-z]+)=(?:yes|no)`")), names)
	exist(t, "output", mentions(t, regexp.MustCompile("`([A-Z][A-Za-z]+Command)`")), names)
}

func TestEveryAlarmIsDocumented(t *testing.T) {
	alarms := firstGroup(t, "template.yaml", alarm)
	found := mentions(t, regexp.MustCompile("`([A-Z][A-Za-z]+Alarm)`"))
	exist(t, "alarm", found, alarms)
	table := section(t, "docs/operate.md", "## Alarms")
	for _, name := range alarms {
		if !strings.Contains(table, "`"+name+"`") {
			t.Errorf("docs/operate.md does not say what %s means", name)
		}
	}
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	fence   = regexp.MustCompile("(?ms)^```.*?^```")
)

func TestLinksLeadSomewhere(t *testing.T) {
	linked := map[string]bool{}
	for _, p := range pages(t) {
		for _, match := range link.FindAllStringSubmatch(fence.ReplaceAllString(p.text, ""), -1) {
			to, err := url.Parse(match[1])
			if err != nil {
				t.Errorf("%s: %v", p.path, err)
				continue
			}
			if to.Scheme != "" {
				continue
			}
			file := p.path
			if to.Path != "" {
				file = path.Join(path.Dir(p.path), to.Path)
			}
			linked[file] = true
			if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(file))); err != nil {
				t.Errorf("%s: the link %s leads nowhere", p.path, match[1])
				continue
			}
			if to.Fragment != "" && !slices.Contains(anchors(read(t, file)), to.Fragment) {
				t.Errorf("%s: %s has no heading for the link %s", p.path, file, match[1])
			}
		}
	}
	for _, p := range pages(t) {
		if strings.HasPrefix(p.path, "docs/") && !linked[p.path] {
			t.Errorf("no page links %s", p.path)
		}
	}
}

// anchors are the fragments by which a page's headings are reached.
func anchors(text string) []string {
	var found []string
	for _, match := range heading.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		name := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r > 0x7f:
				return r
			}
			return -1
		}, strings.ToLower(match[1]))
		found = append(found, name)
	}
	return found
}
