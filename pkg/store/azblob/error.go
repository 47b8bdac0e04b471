package azblob

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/crash"
	"github.com/rollcall-dev/rollcall/pkg/diagnosis"
	"github.com/rollcall-dev/rollcall/pkg/diagnosis/azureapi"
	"github.com/rollcall-dev/rollcall/pkg/store"
)

// errTooLarge is an upload of more blocks than the service allows.
var errTooLarge = errors.New("the object is larger than 50,000 blocks: write smaller objects")

// check refuses what is not a key.
func (s *Store) check(op, key string) error {
	if err := store.CheckKey(key); err != nil {
		return &store.Error{Op: op, URL: s.URL(key), Err: err}
	}
	return nil
}

// failed makes the error of an operation: what happened, where, what to do next.
// What the SDK says is left out: it quotes the whole answer.
func (s *Store) failed(ctx context.Context, op, key string, err error) error {
	if defect := (*crash.Error)(nil); errors.As(err, &defect) {
		return defect
	}
	e := &store.Error{Op: op, URL: s.URL(key), Err: err}
	var credential interface {
		error
		Name() string
	}
	switch f := azureapi.Of(err); {
	case errors.Is(err, store.ErrConflict), errors.Is(err, store.ErrTooLarge), errors.Is(err, errTooLarge), errors.Is(err, errEndless):
	case ctx.Err() != nil:
		e.Err = ctx.Err()
	case errors.Is(err, store.ErrEnded):
		e.Err = store.ErrEnded
	case f.Answered:
		missing := f.Code == "BlobNotFound" || f.Code == "ResourceNotFound"
		e.Answered(conflict(f), missing, f.Answer("Azure Storage"), s.advice(op, f))
	case errors.As(err, &credential): // an error of this project's own, which says what to do
		e.Problem = "no token for Azure Storage: " + credential.Error()
	case f.Connection != diagnosis.None:
		e.Problem, e.Advice = f.Connection.String(), "check the account's name, the network and the proxy"
	default:
		e.Problem = "the request to Azure Storage could not be made, or its answer not be read"
		e.Advice = "check the identity that signs in (az account show) and the account's name"
	}
	return e
}

// conflict reports whether the service answered that a conditional write was not
// made. A lease or a policy that forbids the write has other codes.
func conflict(f diagnosis.Failure) bool {
	return f.Code == "BlobAlreadyExists" || f.Code == "ConditionNotMet" || f.Code == "TargetConditionNotMet"
}

// advice says what to do about an answer of the service. The codes are those of
// its lists of common and of blob error codes.
func (s *Store) advice(op string, f diagnosis.Failure) string {
	switch code := f.Code; {
	case code == "ContainerNotFound":
		return "make the container " + s.config.Container + ", or correct its name"
	case code == "ContainerBeingDeleted":
		return "the container " + s.config.Container + " is being deleted: choose another"
	case code == "AuthorizationPermissionMismatch", code == "InsufficientAccountPermissions":
		role := "Storage Blob Data Contributor"
		if op == "read" {
			role = "Storage Blob Data Reader"
		}
		return "give the identity the role " + role + " on the container " + s.config.Container + " (it takes effect after some minutes)"
	case code == "AuthorizationFailure":
		return "the account's network rules or a signature's limits forbid it: allow this network, and the role Storage Blob Data Contributor"
	case code == "KeyBasedAuthenticationNotPermitted":
		return "the account accepts no keys: sign in with an identity instead"
	case code == "AuthenticationFailed", code == "InvalidAuthenticationInfo", f.Status == http.StatusUnauthorized:
		return "the key, signature or token is not this account's, or has expired: renew it, and check the clock"
	case strings.HasPrefix(code, "LeaseId"), strings.HasPrefix(code, "Lease"):
		return "the blob has a lease: break it"
	case code == "BlobImmutableDueToPolicy":
		return "a policy of the container forbids to change the blob: choose a container without one for state and latest"
	case code == "Md5Mismatch", code == "Crc64Mismatch", code == "InvalidBlockList", code == "InvalidBlobOrBlock":
		return "the object was damaged on its way, and was not stored: run again"
	case f.Status == http.StatusForbidden:
		return "the identity may not: give it the role Storage Blob Data Contributor on the container " + s.config.Container
	case f.Status == http.StatusTooManyRequests, f.Status >= http.StatusInternalServerError:
		return "run again later"
	}
	return "see Azure Storage's list of error codes"
}
