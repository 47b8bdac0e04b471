package entra_test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/cloud"
)

// What registers the app names the audience that the functions ask AWS for; with any
// other one Entra ID refuses their tokens.
func TestAudiencesAreThoseThatTheFunctionsAskFor(t *testing.T) {
	want := map[string]string{}
	for _, own := range cloud.All() {
		want[own.Name] = own.TokenExchange
	}
	got := map[string]string{}
	for _, row := range find(t, `(?m)^\s+([a-z-]+)\s+= "(api://[A-Za-z]+)"$`, "main.tf") {
		got[row[1]] = row[2]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("main.tf: %s", diff)
	}
	known := slices.Collect(maps.Values(want))
	rows := find(t, `(?m)audience=(api://[A-Za-z]+) ;;`, "setup.sh")
	for _, row := range rows {
		if !slices.Contains(known, row[1]) {
			t.Errorf("setup.sh: no cloud has the audience %s", row[1])
		}
	}
	if len(rows) < 3 {
		t.Errorf("setup.sh: %d audiences", len(rows))
	}
}

// find is what a pattern finds in a file of infra/entra.
func find(t *testing.T, pattern, name string) [][]string {
	t.Helper()
	text, err := os.ReadFile("../../../entra/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile(pattern).FindAllStringSubmatch(string(text), -1)
}
