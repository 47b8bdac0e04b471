package azblob

import (
	"hash/crc64"
	"net/http"
	"slices"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
)

// noChecksums is how Azurite, Microsoft's emulator, answers a CRC64.
const noChecksums = "FeatureNotSupported"

// checked sends a body with the CRC64 that the service compares it with. To one
// that cannot do that, the bodies go without from then on.
func (s *Store) checked(body []byte, send func(blob.TransferValidationType) error) error {
	if !s.unchecked.Load() {
		sum := blob.TransferValidationTypeCRC64(crc64.Checksum(body, table()))
		err := send(sum)
		if r := refused(err); r == nil || r.Code != noChecksums {
			return err
		}
		s.unchecked.Store(true)
	}
	return send(nil)
}

// table is of the polynomial that Azure Storage uses.
var table = sync.OnceValue(func() *crc64.Table { return crc64.MakeTable(0x9A6C9329AC4BC9B5) })

// again says which answers are worth another attempt: those of azcore's own list,
// unless the service says that it will never do it.
func again(answer *http.Response, err error) bool {
	return err != nil || answer.Header.Get("x-ms-error-code") != noChecksums && slices.Contains([]int{
		http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout,
	}, answer.StatusCode)
}
