package azblob

import (
	"context"
	"encoding/xml"
	"errors"
	"net/url"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/store"
)

// listing is an answer to List Blobs.
type listing struct {
	XMLName xml.Name `xml:"EnumerationResults"`
	Below   []struct {
		Name string
	} `xml:"Blobs>BlobPrefix"`
	NextMarker string
}

// maxListings bounds the answers to one question: of 5,000 names each.
const maxListings = 1000

var errEndless = errors.New("the list of names does not end")

// Folders returns the names directly below a key that have objects below them, in the order
// of their bytes: at most so many, the last ones.
func (s *Store) Folders(ctx context.Context, key string, most int) ([]string, error) {
	if err := s.check("list", key); err != nil {
		return nil, err
	}
	folder, marker := s.prefix+key+"/", ""
	names := store.NewLast(most)
	for range maxListings {
		page, err := s.list(ctx, folder, marker)
		if err != nil {
			return nil, s.failed(ctx, "list", key, err)
		}
		for _, below := range page.Below {
			names.Add(strings.TrimSuffix(strings.TrimPrefix(below.Name, folder), "/"))
		}
		switch page.NextMarker {
		case "":
			return names.All(), nil
		case marker:
			return nil, s.failed(ctx, "list", key, errEndless)
		}
		marker = page.NextMarker
	}
	return nil, s.failed(ctx, "list", key, errEndless)
}

// list asks for some names (List Blobs). The SDK's own client for that links Apache Arrow and
// adds 4 MB to every function that has a store, so the client of a blob asks for the
// container's URL.
func (s *Store) list(ctx context.Context, folder, marker string) (*listing, error) {
	options := url.Values{"restype": {"container"}, "comp": {"list"}, "delimiter": {"/"}, "prefix": {folder}}
	if marker != "" {
		options.Set("marker", marker)
	}
	address := strings.TrimSuffix(s.base, "/") + "?" + options.Encode()
	if s.query != "" {
		address += "&" + strings.TrimPrefix(s.query, "?")
	}
	client, err := s.open(address)
	if err != nil {
		return nil, err
	}
	answer, err := client.DownloadStream(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := store.ReadAll(answer.Body, -1)
	if err != nil {
		return nil, err
	}
	var page listing
	return &page, xml.Unmarshal(body, &page)
}
