package published

import (
	"context"
	"fmt"

	"github.com/rollcall-dev/rollcall/pkg/snapshot"
)

// The checks, in their order.
const (
	CheckLatest   = "latest"
	CheckManifest = "manifest"
	CheckStatus   = "status"
	CheckObjects  = "objects"
	CheckUsers    = "users"
	CheckIDs      = "ids"
	CheckColumns  = "columns"
)

// Check is what was found of one thing.
type Check struct {
	Name string
	// Found is what there is, if there are no problems.
	Found string
	// Problems say what is wrong and where, at most maxProblems of them in full.
	Problems []string
	// Skipped is why it could not be looked at.
	Skipped string
	// Notes are what is odd and not wrong.
	Notes []string

	more int // problems beyond those that are told
}

// maxProblems is how many problems of a check are told in full: an operator needs no
// million lines.
const maxProblems = 20

func (c *Check) problem(format string, values ...any) {
	if len(c.Problems) == maxProblems {
		c.more++
		return
	}
	c.Problems = append(c.Problems, fmt.Sprintf(format, values...))
}

// Options say how a snapshot is read.
type Options struct {
	// TempDir is the folder of temporary files, "" for the system's.
	TempDir string
	// Visit, if set, is called for each user of each object that is what was published. raw
	// is the user's JSON object and is not kept. Whether everything is whole is known only
	// at the end.
	Visit func(id, raw []byte) error
}

// Verify reads every object and finds out whether the snapshot is whole: whether each object
// is byte for byte what was published and has the users that it should have, whether all users
// are different, and whether the columns are those of the manifest. The error is that of the
// store or of Visit, or the cause of ctx: then nothing was found out.
func (s *Snapshot) Verify(ctx context.Context, o Options) ([]Check, error) {
	v := &verification{Snapshot: s, options: o, columns: newColumns(&s.Manifest)}
	v.ids.Dir = o.TempDir
	defer v.ids.Close()
	objects, users := Check{Name: CheckObjects}, Check{Name: CheckUsers}
	for i, object := range s.Manifest.Objects {
		if err := v.object(ctx, i, object, &objects, &users); err != nil {
			return nil, err
		}
	}
	m := &s.Manifest
	objects.Found = fmt.Sprintf("%d of %d are what was published, %d bytes", v.whole, len(m.Objects), v.bytes)
	users.Found = fmt.Sprintf("%d, as the manifest says", v.users)
	broken := ""
	if n := len(m.Objects) - v.read; n > 0 {
		broken = fmt.Sprintf("%d of %d objects could not be read to their end", n, len(m.Objects))
		if len(users.Problems) == 0 {
			users.Skipped = broken
		}
	}
	ids := Check{Name: CheckIDs}
	if err := v.distinct(&ids); err != nil {
		return nil, err
	}
	if len(ids.Problems) == 0 {
		ids.Skipped = broken
	}
	columns := v.columns.check(broken)
	all := []Check{s.status(), objects, users, ids, columns}
	for i := range all {
		if c := &all[i]; c.more > 0 {
			c.Problems = append(c.Problems, fmt.Sprintf("and %d more", c.more))
		}
	}
	return all, nil
}

// status says whether the list may be used.
func (s *Snapshot) status() Check {
	m := &s.Manifest
	c := Check{Name: CheckStatus, Found: m.Status}
	switch {
	case m.Status == snapshot.Suspect:
		c.problem("it is suspect and was not published")
		for _, suspicion := range m.Suspicions {
			c.problem("%s", suspicion)
		}
	case m.Verified:
		c.Found += ", verified by " + m.VerifiedBy
	default:
		c.Notes = append(c.Notes, "the list could not be verified against the directory when it was read")
	}
	if m.Accepted {
		c.Notes = append(append(c.Notes, "it was suspect, and somebody accepted it"), m.Suspicions...)
	}
	if m.Demo {
		c.Notes = append(c.Notes, "it is a demo: nobody in it exists")
	}
	return c
}
