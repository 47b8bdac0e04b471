package property

import (
	"errors"
	"fmt"
	"strings"
)

// Column is a property that a list selects.
type Column struct {
	// Name is the property's name as Graph spells it, [Manager], which is read with
	// $expand=manager($select=id), or [ODataType].
	Name string `json:"name"`
	// Optional columns that Graph refuses are left out of the list and reported as
	// missing.
	Optional bool `json:"optional,omitempty"`
}

// String returns the column as written in the configuration, with "?" if it is
// optional.
func (c Column) String() string {
	if c.Optional {
		return c.Name + "?"
	}
	return c.Name
}

const id = "id"

// defaultSelect is validated by a test instead of at every cold start.
const defaultSelect = "id,userPrincipalName,displayName,givenName,surname,mail,jobTitle,department,companyName," +
	"employeeId,employeeType,accountEnabled,userType,createdDateTime,onPremisesSyncEnabled"

// DefaultColumns returns the columns of a list for which none are configured.
func DefaultColumns() Columns {
	names := strings.Split(defaultSelect, ",")
	columns := make(Columns, len(names))
	for i, name := range names {
		columns[i].Name = name
	}
	return columns
}

// Columns are the columns of a list, each once, with id among them.
type Columns []Column

// UnmarshalText parses a comma-separated list, adds id if it is missing, and
// reports every invalid column.
func (c *Columns) UnmarshalText(text []byte) error {
	var problems []error
	seen := map[string]bool{}
	list := Columns{}
	for _, item := range strings.Split(strings.TrimRight(string(text), ", \t\r\n"), ",") {
		name, optional := strings.CutSuffix(strings.TrimSpace(item), "?")
		name = strings.TrimSpace(name)
		err := checkColumn(name, optional)
		if err == nil && seen[name] {
			err = fmt.Errorf("property %q is listed twice; remove one", name)
		}
		if err != nil {
			problems = append(problems, err)
			continue
		}
		seen[name] = true
		list = append(list, Column{name, optional})
	}
	if !seen[id] {
		list = append(Columns{{Name: id}}, list...)
	}
	*c = list
	return errors.Join(problems...)
}

func checkColumn(name string, optional bool) error {
	switch {
	case name == Manager, name == ODataType:
		return nil
	case strings.EqualFold(name, Manager):
		return fmt.Errorf("%q is spelled %q: names are case-sensitive", name, Manager)
	case name == id && optional:
		return errors.New(`"id?" is not allowed, since every user has an id; write id`)
	}
	err := Selectable(name)
	if optional && errors.Is(err, errUnknown) && mayExist(name) {
		return nil // Graph may know it, and says so if not
	}
	return err
}

// mayExist reports whether Graph may have a property that is in no table here.
func mayExist(name string) bool { return isIdentifier(name) && name != AdditionalData }

// errUnknown is the error of a name that is in no table.
var errUnknown = errors.New("a Graph v1.0 user has no such property; see the user resource type, or write it with a question mark to try it")

// Selectable reports whether a list of users may select a name. It returns nil
// for a property that Graph returns in a collection and for the name of a
// directory or schema extension, otherwise an error with the name and the remedy.
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
		return fmt.Errorf("property %q is not a directory extension: write extension_<app id, 32 hexadecimal digits, no dashes>_<name>", name)
	}
	if where, ok := Within(name); ok {
		return fmt.Errorf("property %q is unknown: it is a member of %s", name, where)
	}
	return fmt.Errorf("property %q is unknown: %w", name, errUnknown)
}

// IsExtension reports whether a name has the form of a directory extension
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
	// display_name is a misspelled property, not the extension of a vendor.
	if _, misspelled := Canonical(strings.ReplaceAll(name, "_", "")); misspelled {
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
