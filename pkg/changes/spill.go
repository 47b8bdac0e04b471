package changes

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"

	"github.com/klauspost/compress/flate"

	"github.com/rollcall-dev/rollcall/pkg/list"
)

// kind is what an entry says of a user.
type kind byte

const (
	listed      kind = 'L' // is in the list, with all columns
	restorable  kind = 'D' // is among the deleted users
	changed     kind = 'C' // has changed: the columns that Graph sent
	managed     kind = 'M' // has this manager
	removed     kind = 'R' // was deleted, and can be restored
	removedHard kind = 'P' // is gone for good
)

// entry is one thing that was read about a user.
type entry struct {
	kind   kind
	object []byte // of the user; little more than the id of one who is gone
}

// spill keeps what was read by shard, in the order in which it came: what does not fit
// into some megabytes of memory lies compressed in a temporary file, which has no name.
type spill struct {
	dir      string
	buffers  [shardCount][]byte
	frames   [shardCount][]frame
	buffered int
	entries  int
	file     *os.File
	size     int64
	// foreign says that a part of it was stored meanwhile, and anybody may have written it.
	foreign bool

	unpacker io.ReadCloser
	unpacked []byte
}

// frame is a piece of the file: entries of one shard.
type frame struct {
	at        int64
	length    int
	rawLength int
}

// Sizes of the spill in bytes: of what is buffered, and of a frame's head, which is the
// shard, the length, and the length before compression.
const (
	maxBuffered = 8 << 20
	frameHead   = 9
)

func (s *spill) add(shard int, k kind, object []byte) error {
	before := len(s.buffers[shard])
	b := append(s.buffers[shard], byte(k))
	b = binary.AppendUvarint(b, uint64(len(object)))
	s.buffers[shard] = append(b, object...)
	s.buffered += len(s.buffers[shard]) - before
	s.entries++
	if s.buffered < maxBuffered {
		return nil
	}
	return s.flush()
}

// flush moves what is buffered to the file.
func (s *spill) flush() error {
	if s.buffered == 0 {
		return nil
	}
	if err := s.open(); err != nil {
		return err
	}
	var out bytes.Buffer
	z, err := flate.NewWriter(&out, flate.BestSpeed)
	if err != nil {
		return err
	}
	for i := range s.buffers {
		raw := s.buffers[i]
		if len(raw) == 0 {
			continue
		}
		out.Reset()
		out.Write(make([]byte, frameHead))
		z.Reset(&out)
		_, _ = z.Write(raw) // into memory
		_ = z.Close()
		head := out.Bytes()
		head[0] = byte(i)
		binary.BigEndian.PutUint32(head[1:], uint32(out.Len()-frameHead))
		binary.BigEndian.PutUint32(head[5:], uint32(len(raw)))
		if err := s.append(out.Bytes()); err != nil {
			return err
		}
		s.buffers[i] = raw[:0]
		if cap(raw) > 4*maxBuffered/shardCount {
			s.buffers[i] = nil
		}
	}
	s.buffered = 0
	return nil
}

func (s *spill) open() (err error) {
	if s.file != nil {
		return nil
	}
	if s.file, err = os.CreateTemp(s.dir, "rollcall-*.spill"); err != nil { // mode 0600
		return spillError(err)
	}
	_ = os.Remove(s.file.Name()) // Windows keeps the name until close
	return nil
}

// append writes a frame and notes where it is.
func (s *spill) append(framed []byte) error {
	if _, err := s.file.WriteAt(framed, s.size); err != nil {
		return spillError(err)
	}
	i := int(framed[0])
	s.frames[i] = append(s.frames[i], frame{at: s.size + frameHead, length: len(framed) - frameHead, rawLength: int(binary.BigEndian.Uint32(framed[5:]))})
	s.size += int64(len(framed))
	return nil
}

// restore adds bytes of the file of an earlier spill; index reads what they mean.
func (s *spill) restore(some []byte) error {
	if err := s.open(); err != nil {
		return err
	}
	if _, err := s.file.WriteAt(some, s.size); err != nil {
		return spillError(err)
	}
	s.size += int64(len(some))
	s.foreign = true
	return nil
}

// maxFrame is how many bytes a frame has at most before compression: what may be buffered,
// and one entry more.
const maxFrame = maxBuffered + 8<<20

// index finds the frames of a restored file.
func (s *spill) index() error {
	var head [frameHead]byte
	for at := int64(0); at < s.size; {
		if _, err := s.file.ReadAt(head[:], at); err != nil && !errors.Is(err, io.EOF) {
			return spillError(err)
		}
		f := frame{at: at + frameHead, length: int(binary.BigEndian.Uint32(head[1:])), rawLength: int(binary.BigEndian.Uint32(head[5:]))}
		if at = f.at + int64(f.length); at > s.size || f.rawLength > maxFrame {
			return &lostError{errSpill}
		}
		s.frames[head[0]] = append(s.frames[head[0]], f)
	}
	return nil
}

// ids yields the ids of those who are listed.
func (s *spill) ids() iter.Seq2[list.ID, error] {
	return func(yield func(list.ID, error) bool) {
		for i := range shardCount {
			for e, err := range s.of(i) {
				if err == nil && e.kind != listed {
					continue
				}
				var id list.ID
				if err == nil {
					id = list.NewID(idOf(e.object))
				}
				if !yield(id, err) {
					return
				}
			}
		}
	}
}

func spillError(err error) error {
	return fmt.Errorf("keep what was read until it is compared: %w; set TMPDIR to a folder with free space, or give the function more ephemeral storage", err)
}

// of yields the entries of a shard in the order in which they came. Each is valid until the
// next one.
func (s *spill) of(shard int) iter.Seq2[entry, error] {
	return func(yield func(entry, error) bool) {
		for _, f := range s.frames[shard] {
			raw, err := s.read(f)
			if err != nil {
				yield(entry{}, err)
				return
			}
			if !s.eachEntry(raw, yield) {
				return
			}
		}
		s.eachEntry(s.buffers[shard], yield)
	}
}

// read returns the entries of a frame, valid until the next one is read.
func (s *spill) read(f frame) ([]byte, error) {
	section := bufio.NewReader(io.NewSectionReader(s.file, f.at, int64(f.length)))
	if s.unpacker == nil {
		s.unpacker = flate.NewReader(section)
	} else if err := s.unpacker.(flate.Resetter).Reset(section, nil); err != nil {
		return nil, spillError(err)
	}
	if cap(s.unpacked) < f.rawLength {
		s.unpacked = make([]byte, f.rawLength)
	}
	raw := s.unpacked[:f.rawLength]
	_, err := io.ReadFull(s.unpacker, raw)
	switch {
	case err == nil:
		return raw, nil
	case s.foreign:
		return nil, &lostError{err}
	}
	return nil, spillError(err)
}

func (s *spill) eachEntry(raw []byte, yield func(entry, error) bool) (more bool) {
	for len(raw) > 0 {
		length, n := binary.Uvarint(raw[1:])
		if n <= 0 || length > uint64(len(raw)-1-n) {
			yield(entry{}, &lostError{errSpill})
			return false
		}
		e := entry{kind(raw[0]), raw[1+n : 1+n+int(length)]}
		if s.foreign && !e.valid() {
			yield(entry{}, &lostError{errSpill})
			return false
		}
		if !yield(e, nil) {
			return false
		}
		raw = raw[1+n+int(length):]
	}
	return true
}

var errSpill = errors.New("an entry is damaged")

// valid reports whether the entry is one that could have been added.
func (e entry) valid() bool {
	return bytes.IndexByte([]byte{byte(listed), byte(restorable), byte(changed), byte(managed), byte(removed), byte(removedHard)}, byte(e.kind)) >= 0 &&
		isUser(e.object)
}

// touched are the shards that have entries.
func (s *spill) touched() []int {
	var all []int
	for i := range shardCount {
		if len(s.frames[i])+len(s.buffers[i]) > 0 {
			all = append(all, i)
		}
	}
	return all
}

// reset forgets everything.
func (s *spill) reset() {
	s.buffers, s.frames = [shardCount][]byte{}, [shardCount][]frame{}
	s.buffered, s.entries, s.size, s.foreign = 0, 0, 0, false
}

// close removes the file.
func (s *spill) close() {
	if s.file != nil {
		_ = s.file.Close()
		_ = os.Remove(s.file.Name())
	}
}
