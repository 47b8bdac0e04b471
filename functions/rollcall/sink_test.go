package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/roll"
)

func TestAPathStandsForTheURLOfItsFolder(t *testing.T) {
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

func TestEveryStoreIsAPlaceOfASnapshot(t *testing.T) {
	const key = "/runs/tenant=t/run=r/manifest.json"
	for name, c := range map[string]struct {
		manifest string
		sinks    []string
		want     []place
	}{
		"one":      {"file:///a/b" + key, []string{"file:///a/b?format=csv"}, []place{{"file:///a/b"}}},
		"several":  {"s3://b/p" + key, []string{"sqs:https://h/1/q", "s3://b/p/", "FILE:///x/", "https://h/p?q=1", "azblob://a/c?format=csv"}, []place{{"s3://b/p"}, {"file:///x"}, {"azblob://a/c"}}},
		"no store": {"s3://b/state" + key, []string{"sns:arn"}, []place{{"s3://b/state"}}},
		"nested":   {"s3://b/runs/tenant=x" + key, nil, []place{{"s3://b/runs/tenant=x"}}},
	} {
		if got := places(c.manifest, c.sinks); !cmp.Equal(got, c.want, cmp.AllowUnexported(place{})) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestAPlaceIsToldAsShortAsItIsClear(t *testing.T) {
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
		if got := (place{c.root}).of(c.key); got != c.want {
			t.Errorf("%s, %s: %s, want %s", c.root, c.key, got, c.want)
		}
	}
}

func TestSizesAreWrittenAsPeopleReadThem(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 bytes", 999: "999 bytes", 1000: "1.0 kB", 83_309: "83 kB", 999_499: "999 kB", 999_600: "1.0 MB", 5_000_000: "5.0 MB", 12_300_000_000: "12 GB",
		7_000_000_000_000_000: "7000 TB",
	} {
		if got := inBytes(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
	if got, want := size(&roll.Manifest{Objects: []roll.Object{{Bytes: 400}, {Bytes: 700}}}), ": 2 objects, 1.1 kB"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
