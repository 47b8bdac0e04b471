// Package archive writes zip files that depend on nothing but what is in them: the same
// files make the same bytes, whenever and wherever they are written.
package archive

import (
	"archive/zip"
	"cmp"
	"io"
	"io/fs"
	"slices"
	"time"
)

// File is one of a zip file.
type File struct {
	Name    string // with slashes
	Mode    fs.FileMode
	Content []byte
}

// Written is the time of all files, the earliest that the format has.
func Written() time.Time { return time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC) }

// Sort puts files in the order of their names.
func Sort(files []File) {
	slices.SortFunc(files, func(a, b File) int { return cmp.Compare(a.Name, b.Name) })
}

// Write writes a zip file of the files in their order.
func Write(w io.Writer, files []File) error {
	z := zip.NewWriter(w)
	for _, f := range files {
		h := &zip.FileHeader{Name: f.Name, Method: zip.Deflate, Modified: Written()}
		h.SetMode(f.Mode)
		part, err := z.CreateHeader(h)
		if err != nil {
			return err
		}
		if _, err := part.Write(f.Content); err != nil {
			return err
		}
	}
	return z.Close()
}
