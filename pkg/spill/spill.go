// Package spill keeps more entries than fit into memory, in shards that can be read one by
// one: what exceeds some megabytes lies compressed in a temporary file, which has no name.
package spill

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
)

// Shards is how many shards there are.
const Shards = 256

// Entry is a text of some kind.
type Entry struct {
	Kind byte
	Text []byte
}

// Spill keeps entries by shard, in the order in which they came. The zero value is ready to
// use. It is for one goroutine.
type Spill struct {
	// Dir is the folder of the temporary file, "" for the system's.
	Dir string

	buffers  [Shards][]byte
	frames   [Shards][]frame
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

// ErrDamaged means that a file that was restored is none that was written here.
var ErrDamaged = errors.New("an entry is damaged")

// Add adds an entry to a shard. It keeps a copy of the text.
func (s *Spill) Add(shard int, kind byte, text []byte) error {
	before := len(s.buffers[shard])
	b := append(s.buffers[shard], kind)
	b = binary.AppendUvarint(b, uint64(len(text)))
	s.buffers[shard] = append(b, text...)
	s.buffered += len(s.buffers[shard]) - before
	s.entries++
	if s.buffered < maxBuffered {
		return nil
	}
	return s.Flush()
}

// Flush moves what is buffered to the file.
func (s *Spill) Flush() error {
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
		if cap(raw) > 4*maxBuffered/Shards {
			s.buffers[i] = nil
		}
	}
	s.buffered = 0
	return nil
}

func (s *Spill) open() (err error) {
	if s.file != nil {
		return nil
	}
	if s.file, err = os.CreateTemp(s.Dir, "rollcall-*.spill"); err != nil { // mode 0600
		return failed(err)
	}
	_ = os.Remove(s.file.Name()) // Windows keeps the name until Close
	return nil
}

// append writes a frame and notes where it is.
func (s *Spill) append(framed []byte) error {
	if _, err := s.file.WriteAt(framed, s.size); err != nil {
		return failed(err)
	}
	i := int(framed[0])
	s.frames[i] = append(s.frames[i], frame{at: s.size + frameHead, length: len(framed) - frameHead, rawLength: int(binary.BigEndian.Uint32(framed[5:]))})
	s.size += int64(len(framed))
	return nil
}

// Size is how many bytes the file has; it has what was flushed.
func (s *Spill) Size() int64 { return s.size }

// ReadAt reads bytes of the file, to store them elsewhere.
func (s *Spill) ReadAt(p []byte, at int64) (int, error) {
	n, err := s.file.ReadAt(p, at)
	if err != nil {
		err = failed(err)
	}
	return n, err
}

// Restore adds bytes of the file of an earlier spill; Index reads what they mean.
func (s *Spill) Restore(some []byte) error {
	if err := s.open(); err != nil {
		return err
	}
	if _, err := s.file.WriteAt(some, s.size); err != nil {
		return failed(err)
	}
	s.size += int64(len(some))
	s.foreign = true
	return nil
}

// Foreign reports whether a part of it was restored, which anybody may have written.
func (s *Spill) Foreign() bool { return s.foreign }

// maxFrame is how many bytes a frame has at most before compression: what may be buffered,
// and one entry more.
const maxFrame = maxBuffered + 8<<20

// Index finds the frames of a restored file. It fails with [ErrDamaged].
func (s *Spill) Index() error {
	var head [frameHead]byte
	for at := int64(0); at < s.size; {
		if _, err := s.file.ReadAt(head[:], at); err != nil && !errors.Is(err, io.EOF) {
			return failed(err)
		}
		f := frame{at: at + frameHead, length: int(binary.BigEndian.Uint32(head[1:])), rawLength: int(binary.BigEndian.Uint32(head[5:]))}
		if at = f.at + int64(f.length); at > s.size || f.rawLength > maxFrame {
			return ErrDamaged
		}
		s.frames[head[0]] = append(s.frames[head[0]], f)
	}
	return nil
}

func failed(err error) error {
	return fmt.Errorf("keep what was read until it is compared: %w; set TMPDIR to a folder with free space, or give the function more ephemeral storage", err)
}

// Entries is how many entries were added.
func (s *Spill) Entries() int { return s.entries }

// Of yields the entries of a shard in the order in which they came. Each is valid until the
// next one.
func (s *Spill) Of(shard int) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for _, f := range s.frames[shard] {
			raw, err := s.read(f)
			if err != nil {
				yield(Entry{}, err)
				return
			}
			if !eachEntry(raw, yield) {
				return
			}
		}
		eachEntry(s.buffers[shard], yield)
	}
}

// read returns the entries of a frame, valid until the next one is read.
func (s *Spill) read(f frame) ([]byte, error) {
	section := bufio.NewReader(io.NewSectionReader(s.file, f.at, int64(f.length)))
	if s.unpacker == nil {
		s.unpacker = flate.NewReader(section)
	} else if err := s.unpacker.(flate.Resetter).Reset(section, nil); err != nil {
		return nil, failed(err)
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
		return nil, errors.Join(ErrDamaged, err)
	}
	return nil, failed(err)
}

func eachEntry(raw []byte, yield func(Entry, error) bool) (more bool) {
	for len(raw) > 0 {
		length, n := binary.Uvarint(raw[1:])
		if n <= 0 || length > uint64(len(raw)-1-n) {
			yield(Entry{}, ErrDamaged)
			return false
		}
		if !yield(Entry{raw[0], raw[1+n : 1+n+int(length)]}, nil) {
			return false
		}
		raw = raw[1+n+int(length):]
	}
	return true
}

// Touched are the shards that have entries.
func (s *Spill) Touched() []int {
	var all []int
	for i := range Shards {
		if len(s.frames[i])+len(s.buffers[i]) > 0 {
			all = append(all, i)
		}
	}
	return all
}

// Reset forgets everything.
func (s *Spill) Reset() {
	s.buffers, s.frames = [Shards][]byte{}, [Shards][]frame{}
	s.buffered, s.entries, s.size, s.foreign = 0, 0, 0, false
}

// Close removes the file.
func (s *Spill) Close() {
	if s.file != nil {
		_ = s.file.Close()
		_ = os.Remove(s.file.Name())
	}
}
