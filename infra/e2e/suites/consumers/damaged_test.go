package consumers_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// published is a snapshot in a folder, to be damaged.
type published struct {
	latest   string // files
	manifest string
	objects  []string
}

func find(t *testing.T, folder string) *published {
	t.Helper()
	run := filepath.Join(folder, "runs", "tenant=*", "run=*")
	manifests, err := filepath.Glob(filepath.Join(run, "manifest.json"))
	if err != nil || len(manifests) != 1 {
		t.Fatalf("manifests: %v, %v", manifests, err)
	}
	objects, err := filepath.Glob(filepath.Join(run, "part-*"))
	if err != nil || len(objects) < 2 {
		t.Fatalf("objects: %v, %v", objects, err)
	}
	return &published{latest: latestOf(t, folder), manifest: manifests[0], objects: objects}
}

// change rewrites a file.
func change(t *testing.T, file string, how func([]byte) []byte) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, how(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// changeManifest changes the manifest, and latest so that it names the changed
// one, as somebody could who may write both.
func (p *published) changeManifest(t *testing.T, how func(m map[string]any)) {
	t.Helper()
	var sum [sha256.Size]byte
	change(t, p.manifest, func(text []byte) []byte {
		var m map[string]any
		if err := json.Unmarshal(text, &m); err != nil {
			t.Fatal(err)
		}
		how(m)
		text, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		sum = sha256.Sum256(text)
		return text
	})
	change(t, p.latest, func(text []byte) []byte {
		var l map[string]any
		if err := json.Unmarshal(text, &l); err != nil {
			t.Fatal(err)
		}
		l["manifestSha256"] = hex.EncodeToString(sum[:])
		text, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		return text
	})
}

// replace replaces an object, and its figures in the manifest.
func (p *published) replace(t *testing.T, i int, body []byte) {
	t.Helper()
	change(t, p.objects[i], func([]byte) []byte { return body })
	sum := sha256.Sum256(body)
	p.changeManifest(t, func(m map[string]any) {
		for _, o := range m["objects"].([]any) {
			if o := o.(map[string]any); strings.HasSuffix(o["url"].(string), filepath.Base(p.objects[i])) {
				o["bytes"], o["sha256"] = len(body), hex.EncodeToString(sum[:])
			}
		}
	})
}

func lines(t *testing.T, file string) [][]byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return slices.Collect(bytes.Lines(text))
}

func TestConsumersRefuseADamagedSnapshotAndKeepWhatTheyHave(t *testing.T) {
	at := build(t)
	good, whole := t.TempDir(), t.TempDir()
	at.publish(t, "--demo", "--demo-users", "10", "--sink", good)
	at.publish(t, "--demo", "--demo-users", "6000", "--sink", whole+"?compression=none&part-size=1MiB")
	for name, c := range map[string]struct {
		damage func(t *testing.T, p *published)
		want   string // in what both say
	}{
		"a byte of an object is different": {func(t *testing.T, p *published) {
			change(t, p.objects[1], func(text []byte) []byte { text[len(text)/2] ^= 1; return text })
		}, "its digest is different"},
		"an object is cut off": {func(t *testing.T, p *published) {
			change(t, p.objects[0], func(text []byte) []byte { return text[:len(text)-1] })
		}, "bytes, and the manifest says"},
		"an object is gone": {func(t *testing.T, p *published) {
			if err := os.Remove(p.objects[1]); err != nil {
				t.Fatal(err)
			}
		}, "o such file"},
		"the manifest is gone": {func(t *testing.T, p *published) {
			if err := os.Remove(p.manifest); err != nil {
				t.Fatal(err)
			}
		}, "o such file"},
		"the manifest was changed": {func(t *testing.T, p *published) {
			change(t, p.manifest, func(text []byte) []byte { return append(text, '\n') })
		}, "the manifest is not the one that latest names"},
		"the run is suspect": {func(t *testing.T, p *published) {
			p.changeManifest(t, func(m map[string]any) {
				m["status"], m["suspicions"] = "suspect", []string{"half of them are missing"}
			})
		}, "the list is suspect, not complete: half of them are missing"},
		"the manifest leaves an object out": {func(t *testing.T, p *published) {
			p.changeManifest(t, func(m map[string]any) { m["objects"] = m["objects"].([]any)[1:] })
		}, "users, and the manifest says"},
		"the manifest names an object of elsewhere": {func(t *testing.T, p *published) {
			p.changeManifest(t, func(m map[string]any) {
				m["objects"].([]any)[0].(map[string]any)["url"] = "file:///elsewhere/runs/tenant=x/run=y/part-1-1-x.ndjson"
			})
		}, "not of this run"},
		"a user appears twice": {func(t *testing.T, p *published) {
			users := lines(t, p.objects[1])
			users[1] = lines(t, p.objects[0])[0]
			p.replace(t, 1, bytes.Join(users, nil))
		}, "appears twice"},
		"a user is missing": {func(t *testing.T, p *published) {
			p.replace(t, 1, bytes.Join(lines(t, p.objects[1])[1:], nil))
		}, "users, and the manifest says"},
	} {
		t.Run(name, func(t *testing.T) {
			folder, database := filepath.Join(t.TempDir(), "copy"), filepath.Join(t.TempDir(), "users.db")
			if err := os.CopyFS(folder, os.DirFS(whole)); err != nil {
				t.Fatal(err)
			}
			at.loads(t, latestOf(t, good), database)
			c.damage(t, find(t, folder))
			byGo, byPython, failed := at.loads(t, latestOf(t, folder), database)
			for consumer, printed := range map[string]string{"Go": byGo, "Python": byPython} {
				if !strings.HasPrefix(printed, "not loaded: ") || !strings.Contains(printed, c.want) || strings.Contains(printed, "Traceback") || strings.Contains(printed, "@contoso") {
					t.Errorf("%s says %q, which has no %q", consumer, printed, c.want)
				}
			}
			if failed[0] == nil || failed[1] == nil {
				t.Errorf("somebody has loaded it: Go %v, Python %v", failed[0], failed[1])
			}
			if got := at.counts(t, database); got != "10 10" {
				t.Errorf("the table has %s users and ids, want the 10 that were there", got)
			}
		})
	}
}
