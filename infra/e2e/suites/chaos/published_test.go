package chaos_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	parquetgo "github.com/parquet-go/parquet-go"

	"github.com/rollcall-dev/rollcall/pkg/format"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
	"github.com/rollcall-dev/rollcall/pkg/store"
)

// This file reads what was published as consumers do.

// published is the list that a store shows.
type published struct {
	manifest snapshot.Manifest
	ids      []string
}

// object reads an object by its URL or key, nil if there is none.
func (p *publishing) object(at int, url string) []byte {
	p.Helper()
	body, _, err := p.stores[at].Read(context.WithoutCancel(p.Context()), strings.TrimPrefix(url, strings.TrimSuffix(p.stores[at].URL("x"), "x")))
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		p.Fatalf("read %s: %v", url, err)
	}
	return body
}

func digest(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// read reads the list that latest leads to, to its last object.
func (p *publishing) read(at int, runs ...string) published {
	p.Helper()
	d, tenant := p.stores[at], p.tenant.Config().Tenant
	var latest snapshot.Latest
	decode(p, string(p.object(at, snapshot.LatestKey(tenant))), &latest)
	proof := p.object(at, latest.Manifest)
	if digest(proof) != latest.ManifestSHA256 {
		p.Fatalf("%s: the manifest is not the one that latest names", d.format)
	}
	var list published
	m := &list.manifest
	decode(p, string(proof), m)
	users := 0
	var urls []string
	for _, o := range m.Objects {
		body := p.object(at, o.URL)
		if digest(body) != o.SHA256 || int64(len(body)) != o.Bytes {
			p.Fatalf("%s of run %s is not the object that the manifest names", o.URL, m.Run)
		}
		ids := p.users(d, body)
		if len(ids) != o.Users {
			p.Errorf("%s has %d users, and the manifest says %d", o.URL, len(ids), o.Users)
		}
		list.ids = append(list.ids, ids...)
		users += o.Users
		urls = append(urls, o.URL)
	}
	if m.Status != snapshot.Complete || m.Tenant != tenant || m.Users != users || m.Run != latest.Run || m.Users != latest.Users ||
		m.Format != d.format || m.Compression != d.compression || !m.FinishedAt.Equal(latest.FinishedAt) || !m.StartedAt.Equal(latest.StartedAt) {
		p.Errorf("%s: the manifest is not true: %+v, latest is %+v", d.format, *m, latest)
	}
	if !slices.Contains(runs, m.Run) {
		p.Errorf("%s: latest is run %s, want one of %s", d.format, m.Run, runs)
	}
	if table := p.object(at, "users/tenant="+tenant+"/symlink.txt"); len(runs) == 1 && table != nil && !slices.Equal(strings.Fields(string(table)), urls) {
		p.Errorf("%s: the table is %s, and the manifest names %s", d.format, table, urls)
	}
	return list
}

// users reads the ids in an object.
func (p *publishing) users(d destination, body []byte) (ids []string) {
	p.Helper()
	if d.format == "parquet" {
		return p.parquetUsers(body)
	}
	text, err := decompress(d.compression, body)
	if err != nil {
		p.Fatalf("%s, %s: %v", d.format, d.compression, err)
	}
	if d.format == "csv" {
		return rows(p, text)
	}
	for line := range bytes.Lines(text) {
		var user struct{ ID string }
		decode(p, string(line), &user)
		ids = append(ids, user.ID)
	}
	return ids
}

func decompress(compression string, body []byte) ([]byte, error) {
	switch compression {
	case format.Gzip:
		z, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		return io.ReadAll(z)
	case format.Zstd:
		z, err := zstd.NewReader(bytes.NewReader(body), zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, err
		}
		defer z.Close()
		return io.ReadAll(z)
	}
	return body, nil
}

func (p *publishing) parquetUsers(body []byte) (ids []string) {
	p.Helper()
	type row struct {
		ID string `parquet:"id"`
	}
	all, err := parquetgo.Read[row](bytes.NewReader(body), int64(len(body)))
	if err != nil {
		p.Fatalf("parquet: %v", err)
	}
	for _, r := range all {
		ids = append(ids, r.ID)
	}
	return ids
}

// judge holds what an invocation answered to the property. mayBeDone says that the run may
// have been published all the same, or by another invocation.
func (p *publishing) judge(result *snapshot.Result, err error, mayBeDone bool) outcome {
	p.Helper()
	var unfinished *snapshot.UnfinishedError
	switch {
	case err == nil && result.Status == snapshot.Complete:
		return p.judgeComplete(result)
	case err == nil:
		p.Errorf("neither complete nor an error: %+v", result)
	case mayBeDone || errors.As(err, &unfinished):
		for i := range p.stores {
			p.judgeList(i, oldRun, newRun, otherRun)
		}
	default:
		p.judgeUnfinished()
	}
	return failed(err)
}

// judgeComplete checks the list of a run that was published.
func (p *publishing) judgeComplete(result *snapshot.Result) outcome {
	p.Helper()
	runs := []string{newRun, otherRun}
	if result.Superseded != "" && result.Superseded != newRun && result.Superseded != otherRun {
		p.Errorf("the run was superseded by %s", result.Superseded)
	}
	var first published
	for i := range p.stores {
		list := p.judgeList(i, runs...)
		if i == 0 {
			first = list
		}
		if list.manifest.Run == first.manifest.Run && !slices.Equal(slices.Sorted(slices.Values(list.ids)), slices.Sorted(slices.Values(first.ids))) {
			p.Errorf("the stores of %s and %s have not the same users", p.stores[0].format, p.stores[i].format)
		}
	}
	m := first.manifest
	if m.Run == result.Run && (result.Users != m.Users || result.Verified != m.Verified || result.Fenced != m.Fenced || result.Duplicates != m.Duplicates) {
		p.Errorf("the result is %+v, and the manifest is %+v", result, m)
	}
	return proofIn(m).outcome()
}

func proofIn(m snapshot.Manifest) proof {
	return proof{m.Users, m.Left, m.Difference, m.Expected, m.Verified, m.Fenced, m.VerifiedBy}
}

// judgeList checks the list that a store shows: the old one as it was, or another that
// holds to the property.
func (p *publishing) judgeList(at int, runs ...string) published {
	p.Helper()
	shown := p.read(at, runs...)
	if shown.manifest.Run == oldRun {
		if diff := cmp.Diff(p.old[at], shown, cmp.AllowUnexported(published{})); diff != "" {
			p.Errorf("%s: the old list has changed: %s", p.stores[at].format, diff)
		}
		return shown
	}
	what := p.stores[at].format + " of run " + shown.manifest.Run
	p.check(what, shown.ids)
	p.checkProof(what, shown.ids, proofIn(shown.manifest))
	return shown
}

// judgeUnfinished checks that readers see the old list, and nothing that says of another
// one that it is complete.
func (p *publishing) judgeUnfinished() {
	p.Helper()
	for i, d := range p.stores {
		p.judgeList(i, oldRun)
		for _, key := range d.Keys() {
			if !strings.HasSuffix(key, "/manifest.json") || strings.Contains(key, "run="+oldRun+"/") {
				continue
			}
			var m snapshot.Manifest
			if err := json.Unmarshal(p.object(i, key), &m); err != nil || m.Status != snapshot.Suspect {
				p.Errorf("%s says %s of a list that is not complete: %v", key, m.Status, err)
			}
		}
	}
}
