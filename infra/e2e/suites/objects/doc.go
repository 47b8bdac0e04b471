// Package objects holds the stores of the project to their promises on real
// servers: S3 on versitygw and on moto, Blob Storage on Azurite, each directly and
// through a proxy that loses replies. It has no code of its own.
package objects
