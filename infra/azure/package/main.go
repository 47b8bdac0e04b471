// Package makes the zip file that `make deploy-azure` deploys to a function app: host.json,
// the folders of the functions, and the built handler.
//
//	go run ./azure/package <folder of the functions> <handler> <zip file>
//
// The same input makes the same bytes. What it has written it reads again and checks, since
// the platform starts nothing and says little if a file is missing or not executable.
package main

import (
	"bytes"
	"fmt"
	"os"

	"github.com/rollcall-dev/rollcall/infra/archive"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: package <folder of the functions> <handler> <zip file>")
		os.Exit(2)
	}
	if err := pack(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "package:", err)
		os.Exit(1)
	}
}

// pack writes the zip file, once it is known to be right.
func pack(folder, handler, target string) error {
	files, err := collect(folder, handler)
	if err != nil {
		return err
	}
	var zipped bytes.Buffer
	if err := archive.Write(&zipped, files); err != nil {
		return err
	}
	if err := check(zipped.Bytes(), files); err != nil {
		return fmt.Errorf("the zip file is not as it should be: %w", err)
	}
	if err := os.WriteFile(target, zipped.Bytes(), 0o600); err != nil { //nolint:gosec // whoever calls names it
		return err
	}
	fmt.Printf("%s: %d files, %d bytes\n", target, len(files), zipped.Len())
	return nil
}
