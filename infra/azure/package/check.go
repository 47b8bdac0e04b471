package main

import (
	"archive/zip"
	"bytes"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/rollcall-dev/rollcall/infra/archive"
)

// check reads a zip file as whoever unpacks it does, and compares it with the files that it
// was made of.
func check(zipped []byte, files []archive.File) error {
	z, err := zip.NewReader(bytes.NewReader(zipped), int64(len(zipped)))
	if err != nil {
		return err
	}
	if len(z.File) != len(files) {
		return fmt.Errorf("it has %d files, not %d", len(z.File), len(files))
	}
	for i, want := range files {
		if err := checkFile(z.File[i], want); err != nil {
			return fmt.Errorf("%s: %w", want.Name, err)
		}
	}
	return nil
}

func checkFile(f *zip.File, want archive.File) error {
	const unix = 3 // of the system on which modes have a meaning
	switch {
	case f.Name != want.Name:
		return fmt.Errorf("in its place is %s", f.Name)
	case f.CreatorVersion>>8 != unix:
		return errors.New("it has no mode")
	case !f.Modified.Equal(archive.Written()):
		return fmt.Errorf("it was written at %v", f.Modified)
	}
	in, err := f.Open()
	if err != nil {
		return err
	}
	content, err := io.ReadAll(in)
	if err := errors.Join(err, in.Close()); err != nil {
		return err
	}
	if !bytes.Equal(content, want.Content) {
		return errors.New("it has another content")
	}
	switch {
	case f.Name == handlerName:
		return checkHandler(f.Mode(), content)
	case f.Mode() != 0o644:
		return fmt.Errorf("its mode is %v", f.Mode())
	case f.Name == "host.json":
		return checkHost(content)
	case path.Base(f.Name) == "function.json":
		return checkFunction(content)
	}
	return errors.New("it does not belong here")
}

// checkHandler makes sure that the handler is a program that the platform can start: for
// Linux on x86-64, executable, and with no library to look for.
func checkHandler(mode fs.FileMode, content []byte) error {
	if mode != 0o755 {
		return fmt.Errorf("its mode is %v, so it cannot be started", mode)
	}
	program, err := elf.NewFile(bytes.NewReader(content))
	if err != nil {
		return fmt.Errorf("it is no program for Linux: %w", err)
	}
	if program.Machine != elf.EM_X86_64 || program.Class != elf.ELFCLASS64 {
		return fmt.Errorf("it is a program for %v", program.Machine)
	}
	for _, part := range program.Progs {
		if part.Type == elf.PT_INTERP {
			return errors.New("it needs libraries; build it with CGO_ENABLED=0")
		}
	}
	return nil
}

func checkHost(content []byte) error {
	var host struct {
		CustomHandler struct {
			Description struct {
				DefaultExecutablePath string `json:"defaultExecutablePath"`
			} `json:"description"`
		} `json:"customHandler"`
	}
	if err := json.Unmarshal(content, &host); err != nil {
		return err
	}
	if got := host.CustomHandler.Description.DefaultExecutablePath; got != handlerName {
		return fmt.Errorf("it starts %q", got)
	}
	return nil
}

// checkFunction makes sure that a function has one trigger.
func checkFunction(content []byte) error {
	var function struct {
		Bindings []struct {
			Type string `json:"type"`
		} `json:"bindings"`
	}
	if err := json.Unmarshal(content, &function); err != nil {
		return err
	}
	triggers := 0
	for _, b := range function.Bindings {
		if strings.HasSuffix(b.Type, "Trigger") {
			triggers++
		}
	}
	if triggers != 1 {
		return fmt.Errorf("it has %d triggers", triggers)
	}
	return nil
}
