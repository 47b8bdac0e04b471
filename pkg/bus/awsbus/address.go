package awsbus

import (
	"errors"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
)

// Address is where a bus is.
type Address struct {
	// Name is the resource's.
	Name string
	// ARN and Region are "" when the resource was given by its name.
	ARN, Region string
}

// Form says how the resources of a service are addressed.
type Form struct {
	// Noun is what the service calls them, with its article, such as "a topic".
	Noun string
	// Service and Type are their ARN's: arn:<partition>:<service>:<region>:<account>:<type><name>.
	Service, Type string
	// Name matches a name.
	Name string
	// OnlyARN says that a name is not enough.
	OnlyARN bool
}

// IsRegion reports whether a text can be a region's name: it becomes a part of a host.
func IsRegion(text string) bool {
	return text != "" && len(text) <= 32 && strings.Trim(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

func isAccount(text string) bool { return len(text) == 12 && strings.Trim(text, "0123456789") == "" }

// Parse reads an address: an ARN or, unless OnlyARN is set, a name; both may stand
// behind the two slashes of a URL. The error does not quote the address.
func (f Form) Parse(address string) (Address, error) {
	isName := regexp.MustCompile("^(" + f.Name + ")$").MatchString
	if !f.OnlyARN {
		if address = strings.TrimPrefix(address, "//"); isName(address) {
			return Address{Name: address}, nil
		}
	}
	if a, err := arn.Parse(address); err == nil {
		name, found := strings.CutPrefix(a.Resource, f.Type)
		if found && isName(name) && a.Service == f.Service && IsRegion(a.Region) && isAccount(a.AccountID) {
			return Address{Name: name, ARN: address, Region: a.Region}, nil
		}
	}
	by := "its name or "
	if f.OnlyARN {
		by = ""
	}
	return Address{}, errors.New(f.Noun + " is given by " + by + "its ARN, arn:aws:" + f.Service + ":<region>:<account>:" + f.Type + "<name>")
}
