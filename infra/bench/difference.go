package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"io"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/klauspost/compress/gzip"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/cloud"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/process"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/versity"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// difference is what was found by comparing two snapshots, and what it took.
type difference struct {
	Users, Differing int
	CPU              time.Duration
	PeakRSS          int64
}

// reportDifference compares two runs as somebody would who has only their objects: it keeps
// a hash of each line of the first by the user's id, and holds those of the second against
// it. It prints a difference.
func reportDifference(ctx context.Context, before, after string) error {
	from := cloud.S3(cloud.Config(os.Getenv("AWS_ENDPOINT_URL_S3"), versity.User, versity.Secret))
	seed, known := maphash.MakeSeed(), map[string]uint64{}
	d := difference{}
	err := eachLine(ctx, from, before, func(id string, line []byte) { known[id] = maphash.Bytes(seed, line) })
	if err != nil {
		return err
	}
	err = eachLine(ctx, from, after, func(id string, line []byte) {
		d.Users++
		if known[id] != maphash.Bytes(seed, line) {
			d.Differing++
		}
		delete(known, id)
	})
	if err != nil {
		return err
	}
	d.Differing += len(known)
	if d.CPU, err = process.CPU(os.Getpid()); err != nil {
		return err
	}
	if d.PeakRSS, err = process.PeakRSS(os.Getpid()); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(d)
}

// eachLine visits the users of a run.
func eachLine(ctx context.Context, from *s3.Client, run string, visit func(id string, line []byte)) error {
	prefix := "snapshots/runs/tenant=" + simulator.DefaultTenant + "/run=" + run + "/part-"
	pages := s3.NewListObjectsV2Paginator(from, &s3.ListObjectsV2Input{Bucket: aws.String("bench"), Prefix: &prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, o := range page.Contents {
			object, err := from.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("bench"), Key: o.Key})
			if err != nil {
				return err
			}
			if err := linesOf(object.Body, visit); err != nil {
				return fmt.Errorf("%s: %w", *o.Key, err)
			}
		}
	}
	return nil
}

func linesOf(object io.ReadCloser, visit func(id string, line []byte)) error {
	defer func() { _ = object.Close() }()
	z, err := gzip.NewReader(object)
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		var user struct{ ID string }
		if err := json.Unmarshal(lines.Bytes(), &user); err != nil {
			return err
		}
		visit(user.ID, lines.Bytes())
	}
	return lines.Err()
}
