package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/snapshot"
)

func TestAPathBecomesTheURLOfItsFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"./out":                   "file://" + here + "/out",
		"out":                     "file://" + here + "/out",
		"/a/../b/":                "file:///b",
		"out?format=csv":          "file://" + here + "/out?format=csv",
		"/a b/100%/#/ü":           "file:///a%20b/100%25/%23/%C3%BC",
		"/c:d":                    "file:///c:d",
		"s3://b/p?format=parquet": "s3://b/p?format=parquet",
		"file:///x":               "file:///x",
		"sqs:https://h/1/q":       "sqs:https://h/1/q",
	} {
		if got, err := sinkURL("--sink", text); err != nil || got != want {
			t.Errorf("%q is %q (%v), want %q", text, got, err, want)
		}
	}
}

func TestALocationBelowTheWorkingDirectoryIsRelative(t *testing.T) {
	t.Chdir(t.TempDir())
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ root, key, want string }{
		{"file://" + here + "/out", "", "out"},
		{"file://" + here + "/out", "latest/tenant=t.json", filepath.Join("out", "latest", "tenant=t.json")},
		{"file://" + here + "/a%20b", "x", filepath.Join("a b", "x")},
		{"file:///elsewhere", "x", "/elsewhere/x"},
		{"s3://b/p", "x", "s3://b/p/x"},
		{"s3://b", "", "s3://b"},
	} {
		if got := (location{c.root}).of(c.key); got != c.want {
			t.Errorf("%s, %s: %s, want %s", c.root, c.key, got, c.want)
		}
	}
}

func TestSizesAreReadable(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 bytes", 999: "999 bytes", 1000: "1.0 kB", 83_309: "83 kB", 999_499: "999 kB", 999_600: "1.0 MB", 5_000_000: "5.0 MB", 12_300_000_000: "12 GB",
		7_000_000_000_000_000: "7000 TB",
	} {
		if got := humanSize(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
	if got, want := size(&snapshot.Manifest{Objects: []snapshot.Object{{Bytes: 400}, {Bytes: 700}}}), ": 2 objects, 1.1 kB"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
