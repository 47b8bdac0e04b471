package format

import "os"

// BufferSize is shown to the tests.
const BufferSize = bufferSize

// File shows the tests the temporary file.
func (s *Spool) File() *os.File { return s.file }
