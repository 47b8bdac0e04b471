package changes

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/rollcall-dev/rollcall/pkg/store"
)

// piece is an object in the state store with some bytes of the file of a spill. All pieces,
// one after the other, are the file.
type piece struct {
	Key    string `json:"key"`
	Size   int    `json:"size"`
	SHA256 string `json:"sha256"`
}

// pieceSize is how many bytes a piece has at most.
const pieceSize = 4 << 20

// lostError means that what was kept of a comparison is no longer there as it was.
type lostError struct{ err error }

func (e *lostError) Error() string {
	return "what was kept of a comparison with everybody is lost or damaged: " + e.err.Error()
}

func (e *lostError) Unwrap() error { return e.err }

// keep stores what the spill has beyond the pieces that are stored, and adds its pieces to
// them. They are claimed before they are written. If nobody ever goes on, the store's own
// rules may delete them.
func (r *run) keep(ctx context.Context, c *comparison, s *spill) error {
	if err := s.Flush(); err != nil {
		return err
	}
	kept := int64(0)
	for _, p := range c.Spill {
		kept += int64(p.Size)
	}
	if kept == s.Size() {
		return nil
	}
	own := c.Turn.claimed()
	if own == nil {
		own = &claim{Nonce: store.Nonce()}
	}
	own.Spill = int((s.Size() - kept + pieceSize - 1) / pieceSize)
	r.p.Claim = own
	if err := r.save(ctx); err != nil {
		return err
	}
	buffer := make([]byte, min(pieceSize, s.Size()-kept))
	for n := range own.Spill {
		body := buffer[:min(pieceSize, s.Size()-kept)]
		if _, err := s.ReadAt(body, kept); err != nil {
			return err
		}
		sum := sha256.Sum256(body)
		p := piece{Key: pieceKey(r.f.Tenant, own.Nonce, n), Size: len(body), SHA256: hex.EncodeToString(sum[:])}
		if _, _, err := store.Move(ctx, store.Expendable{Swapper: r.f.State}, p.Key, body, ""); err != nil {
			return fmt.Errorf("keep what was read of everybody: %w", err)
		}
		c.Spill = append(c.Spill, p)
		kept += int64(len(body))
	}
	return nil
}

// recall reads the pieces of a comparison back into a spill.
func (r *run) recall(ctx context.Context, c *comparison, s *spill) error {
	for _, p := range c.Spill {
		body, _, err := r.f.State.Read(ctx, p.Key)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("read what was kept of everybody: %w", err)
		}
		if sum := sha256.Sum256(body); err == nil && (len(body) != p.Size || hex.EncodeToString(sum[:]) != p.SHA256) {
			err = errors.New(p.Key + " is not what was written")
		}
		if err != nil {
			if r.overtaken(ctx) {
				return r.conflict()
			}
			return &lostError{err}
		}
		if err := s.Restore(body); err != nil {
			return err
		}
	}
	return s.index()
}
