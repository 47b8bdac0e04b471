package kinesis

import (
	"errors"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
)

// Stream is the address of a data stream.
type Stream struct {
	// Name is the stream's.
	Name string
	// ARN and Region are "" when the stream was given by its name.
	ARN, Region string
}

// Parse reads a stream's name or its ARN
// (arn:aws:kinesis:<region>:<account>:stream/<name>).
func Parse(address string) (Stream, error) {
	names := regexp.MustCompile(`^[A-Za-z0-9_.-]{1,128}$`)
	if names.MatchString(address) {
		return Stream{Name: address}, nil
	}
	a, err := arn.Parse(address)
	if err != nil {
		return Stream{}, errors.New("a stream is given by its name (letters, digits, . - _) or its ARN")
	}
	name, found := strings.CutPrefix(a.Resource, "stream/")
	if a.Service != "kinesis" || !found || !names.MatchString(name) || a.Region == "" || a.AccountID == "" {
		return Stream{}, errors.New("the ARN is not of a data stream, which is arn:aws:kinesis:<region>:<account>:stream/<name>")
	}
	return Stream{Name: name, ARN: address, Region: a.Region}, nil
}

func (s Stream) String() string { return "stream " + s.Name }
