package publisher

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/rollcall-dev/rollcall/pkg/format"
	"github.com/rollcall-dev/rollcall/pkg/format/parquet"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
	"github.com/rollcall-dev/rollcall/pkg/store/azblob"
	"github.com/rollcall-dev/rollcall/pkg/store/file"
	"github.com/rollcall-dev/rollcall/pkg/store/s3"
)

// destination makes a store of a sink and says how users become objects there.
func (w *world) destination(ctx context.Context, s *sink) (snapshot.Destination, error) {
	at, err := w.store(ctx, s, "")
	if err != nil {
		return snapshot.Destination{}, err
	}
	d := snapshot.Destination{Store: at, Format: s.options["format"], Compression: s.options["compression"], Tables: s.kind == "s3"}
	if d.Format == "" {
		d.Format = "ndjson"
	}
	d.PartSize, err = s.partSize()
	switch d.Format {
	case "parquet":
		if d.Compression == "" {
			d.Compression = format.Zstd
		}
		d.Suffix = ".parquet"
		d.Encode = func(w io.Writer, columns []string) (snapshot.Encoder, error) {
			return parquet.New(w, columns, parquet.Options{Compression: parquet.Compression(d.Compression)})
		}
	default:
		if d.Compression == "" {
			d.Compression = format.Gzip
		}
		d.Suffix = "." + d.Format + map[string]string{format.Gzip: ".gz", format.Zstd: ".zst"}[d.Compression]
		d.Encode = func(w io.Writer, columns []string) (snapshot.Encoder, error) {
			return format.NewObject(w, d.Format, d.Compression, columns)
		}
	}
	return d, err
}

// store makes the store of a sink; below comes behind the sink's own prefix.
func (w *world) store(ctx context.Context, s *sink, below string) (snapshot.Store, error) {
	prefix := strings.Trim(s.path+"/"+below, "/")
	switch s.kind {
	case "s3":
		cfg, err := w.aws(ctx)
		if err != nil {
			return nil, err
		}
		if region := s.options["region"]; region != "" {
			cfg.Region = region
		}
		return s3.New(cfg, s3.Config{Bucket: s.address, Prefix: prefix, KMSKey: s.options["kms-key"], Tags: s.options["retention"] == "tags"})
	case "azblob":
		return w.blob(s, prefix)
	case "file":
		return file.New(strings.TrimRight(s.address, "/") + "/" + below)
	}
	return nil, fmt.Errorf("%s keeps no objects", s.kind)
}

// blob signs in by what AZURE_STORAGE_CONNECTION_STRING or AZURE_STORAGE_KEY
// holds, or else as azidentity's default credential finds out.
func (w *world) blob(s *sink, prefix string) (snapshot.Store, error) {
	account, container, _ := strings.Cut(s.address, "/")
	cfg := azblob.Config{Account: account, Container: container, Prefix: prefix, Endpoint: s.options["endpoint"]}
	if text, ok := w.cfg.LookupEnv("AZURE_STORAGE_CONNECTION_STRING"); ok {
		cfg.ConnectionString = text
	} else if key, ok := w.cfg.LookupEnv("AZURE_STORAGE_KEY"); ok {
		cfg.Key = key
	} else {
		credential, err := azidentity.NewDefaultAzureCredential(nil)
		if err != nil {
			// Its text may quote the environment.
			return nil, errors.New("no way to sign in to Azure Storage was found; set AZURE_STORAGE_CONNECTION_STRING, or give the function a managed identity")
		}
		cfg.Credential = credential
	}
	return azblob.New(cfg)
}
