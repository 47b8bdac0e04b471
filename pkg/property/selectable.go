package property

import (
	"fmt"
	"strings"
)

// Selectable says whether a list of users may select the name. It returns nil
// for a property that Graph returns in a collection and for the name of a
// directory or schema extension; otherwise an error which names the property
// and the remedy.
func Selectable(name string) error {
	if p, ok := Lookup(name); ok {
		if p.SingleUserOnly {
			return fmt.Errorf("property %q cannot be listed: Graph returns it only for a single user; remove it", name)
		}
		return nil
	}
	if IsExtension(name) {
		return nil
	}
	if right, ok := Canonical(strings.ReplaceAll(name, "_", "")); ok {
		return fmt.Errorf("property %q is spelled %q: property names are case-sensitive", name, right)
	}
	switch strings.ToLower(name) {
	case Manager:
		return fmt.Errorf("%q is a relationship, not a property: it is read with $expand=manager($select=id)", name)
	case "deleteddatetime":
		return fmt.Errorf("property %q is null for every listed user: deleted users are in /directory/deletedItems; remove it", name)
	case "":
		return fmt.Errorf("property name is empty: remove the extra comma")
	}
	if strings.HasPrefix(name, "extension_") {
		return fmt.Errorf("property %q is no directory extension: its name is extension_<app id, 32 hexadecimal digits, no dashes>_<name>", name)
	}
	return fmt.Errorf("property %q is unknown: a Graph v1.0 user has no such property; see the user resource type", name)
}

// IsExtension says whether the name is that of a directory extension
// (extension_<32 hexadecimal digits>_<name>) or of a schema extension
// (ext<8 letters or digits>_<name> or <domain label>_<name>). No property of
// the table has an underscore in its name.
func IsExtension(name string) bool {
	vendor, local, ok := strings.Cut(name, "_")
	if !ok || !isIdentifier(local) {
		return false
	}
	if vendor == "extension" {
		app, local, ok := strings.Cut(local, "_")
		return ok && len(app) == 32 && all(app, isHex) && isIdentifier(local)
	}
	// A property that somebody spelled the Python way is a slip, not a vendor.
	if _, slip := Canonical(strings.ReplaceAll(name, "_", "")); slip {
		return false
	}
	return vendor != "" && all(vendor, isLowerOrDigit)
}

func isIdentifier(s string) bool {
	return s != "" && all(s, func(c byte) bool {
		return isLowerOrDigit(c) || 'A' <= c && c <= 'Z' || c == '_'
	})
}

func isHex(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F' }

func isLowerOrDigit(c byte) bool { return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' }

func all(s string, ok func(byte) bool) bool {
	for i := range len(s) {
		if !ok(s[i]) {
			return false
		}
	}
	return true
}
