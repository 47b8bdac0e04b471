package published

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/format"
	"github.com/rollcall-dev/rollcall/pkg/guid"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
)

// problems collects what is wrong.
type problems []string

func (p *problems) when(wrong bool, format string, values ...any) {
	if wrong {
		*p = append(*p, fmt.Sprintf(format, values...))
	}
}

// rules are those that the manifest of every run keeps, and latest with it. What breaks one
// was not written by a run.
func (s *Snapshot) rules() problems {
	var p problems
	m := &s.Manifest
	p.when(!guid.Valid(m.Tenant), "its tenant is not a GUID")
	p.when(!snapshot.IsRun(m.Run), "its run has no name that a run can have")
	p.when(m.Status != snapshot.Complete && m.Status != snapshot.Suspect, "its status is neither complete nor suspect")
	if len(p) > 0 {
		return p
	}
	if where := snapshot.RunKey(m.Tenant, m.Run, ""); strings.Contains("/"+s.folder, "/runs/tenant=") {
		p.when(!strings.HasSuffix("/"+s.folder, "/"+where), "it is that of tenant %s and run %s, and is not stored there", m.Tenant, m.Run)
	}
	if l := s.Latest; l != nil {
		p.when(l.Run != m.Run || l.Tenant != m.Tenant || l.Users != m.Users || !l.StartedAt.Equal(m.StartedAt), "latest says something else of this run")
		p.when(m.Status != snapshot.Complete, "it is suspect, and latest names it all the same")
	}
	p.when(m.StartedAt.IsZero() || m.FinishedAt.Before(m.StartedAt), "it ends before it starts")
	for name, n := range map[string]int{"users": m.Users, "duplicates": m.Duplicates, "pages": m.Pages, "passes": m.Passes, "left": m.Left, "leavers": m.Leavers} {
		p.when(n < 0, "%s is less than 0", name)
	}
	p.when(m.Left > m.Users, "more users have left than there are")
	p.when((m.Status == snapshot.Suspect || m.Accepted) && len(m.Suspicions) == 0, "it is suspect, or was, and does not say why")
	p.when(m.Status == snapshot.Suspect && m.Accepted, "it is suspect and accepted")
	s.proof(&p)
	s.columns(&p)
	s.objects(&p)
	slices.Sort(p)
	return p
}

// proof are the rules of what shows that the list is whole.
func (s *Snapshot) proof(p *problems) {
	m := &s.Manifest
	p.when(m.Verified != (m.VerifiedBy == list.ByCount || m.VerifiedBy == list.BySecondReading) || !m.Verified && m.VerifiedBy != "",
		"verified and verifiedBy do not go together")
	if m.Expected == nil {
		p.when(m.VerifiedBy == list.ByCount, "it is verified by a count, and has none")
		return
	}
	p.when(m.Expected.Before < 0 || m.Expected.After < 0, "expected is less than 0")
	p.when(m.Difference != m.Users-m.Left-m.Expected.After, "difference is %d, and users less left exceed expected by %d", m.Difference, m.Users-m.Left-m.Expected.After)
	p.when(m.VerifiedBy == list.ByCount && m.Difference != 0, "it is verified by a count that differs by %d", m.Difference)
}

// columns are the rules of what was asked for.
func (s *Snapshot) columns(p *problems) {
	m := &s.Manifest
	p.when(!slices.Contains(m.Select, "id"), "select lacks id")
	p.when(twice(m.Select), "select names a column twice")
	for name, some := range map[string][]string{"missingColumns": m.MissingColumns, "emptyColumns": m.EmptyColumns} {
		for _, column := range some {
			p.when(!slices.Contains(m.Select, column), "%s names %q, which select does not", name, column)
		}
		p.when(twice(some), "%s names a column twice", name)
	}
	p.when(slices.ContainsFunc(m.MissingColumns, func(c string) bool { return slices.Contains(m.EmptyColumns, c) }), "a column is missing and empty")
}

// objects are the rules of the objects.
func (s *Snapshot) objects(p *problems) {
	m := &s.Manifest
	if m.Format == "" {
		p.when(len(m.Objects) > 0, "it has objects of no format")
		return
	}
	suffix, err := suffixOf(m)
	if err != nil {
		*p = append(*p, err.Error())
		return
	}
	names := map[string]bool{}
	left := m.Users
	for i, o := range m.Objects {
		name := path.Base(o.URL)
		_, err := s.key(o)
		switch {
		case err != nil:
			p.when(true, "object %d, %s, %v", i+1, o.URL, err)
		case names[name]:
			p.when(true, "%s is named twice", name)
		case !o.Valid():
			p.when(true, "%s has no number of users, size or SHA-256 that an object can have", name)
		case !strings.HasSuffix(name, suffix):
			p.when(true, "%s is not called %s", name, suffix)
		}
		names[name] = true
		if left >= 0 {
			left -= max(o.Users, 0) // stays above -2^63
		}
	}
	p.when(left != 0, "it has %d users, and its objects do not add up to them", m.Users)
}

// suffixOf is how the objects are called.
func suffixOf(m *snapshot.Manifest) (string, error) {
	suffix, known := format.Suffix(m.Compression)
	switch {
	case !known:
		return "", errors.New("its compression is none of gzip, zstd and none")
	case m.Format == parquetFormat:
		return ".parquet", nil
	case m.Format == "ndjson" || m.Format == "csv":
		return "." + m.Format + suffix, nil
	}
	return "", errors.New("its format is none of ndjson, csv and parquet")
}

// parquetFormat is the format that has to be at hand as a whole to be read.
const parquetFormat = "parquet"

func twice(names []string) bool {
	sorted := slices.Sorted(slices.Values(names))
	return len(slices.Compact(sorted)) != len(names)
}
