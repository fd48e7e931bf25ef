// Package mapping reads the logs that serving platforms write, by a description instead of code: which format its
// records have, where in a record id, time and version stand, and where requests and responses are and in what
// encoding. Rows of a record.Schema come out, many of one record where it holds a batch.
//
// A record is brought into a decode.Tree whatever its format is. Paths lead from there to the bodies; a body is decoded
// (base64, gzip, JSON or CSV inside of a text), its layout is recognised, and its rows are read from it one at a time.
// Where requests and responses are records of their own, an Assembler brings them together behind the decoders.
package mapping
