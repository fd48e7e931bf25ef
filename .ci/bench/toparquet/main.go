// Command toparquet writes a log of loggen as Parquet, compressed by zstd. Its arguments are the paths of the log as
// JSON Lines and of the file to be made.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/parquet-go/parquet-go"
)

// row is a record of the log.
type row struct {
	Timestamp time.Time `json:"timestamp"     parquet:"timestamp,timestamp(millisecond)"`
	ID        string    `json:"id"            parquet:"id"`
	Model     string    `json:"model"         parquet:"model,dict"`
	Version   string    `json:"model_version" parquet:"model_version,dict"`
	Features  struct {
		Amount   float64  `json:"amount"          parquet:"amount"`
		Income   float64  `json:"income"          parquet:"income"`
		Age      float64  `json:"age"             parquet:"age"`
		Tenure   float64  `json:"tenure_days"     parquet:"tenure_days"`
		Ratio    float64  `json:"ratio"           parquet:"ratio"`
		Velocity float64  `json:"velocity"        parquet:"velocity"`
		Distance float64  `json:"distance_km"     parquet:"distance_km"`
		Heat     float64  `json:"temp_z"          parquet:"temp_z"`
		Days     *float64 `json:"days_since_last" parquet:"days_since_last,optional"`
		Merchant string   `json:"merchant"        parquet:"merchant,dict"`
		Country  string   `json:"country"         parquet:"country,dict"`
		Device   string   `json:"device"          parquet:"device,dict"`
	} `json:"features" parquet:"features"`
	Prediction int64   `json:"prediction" parquet:"prediction"`
	Score      float64 `json:"score"      parquet:"score"`
}

func main() {
	if err := convert(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "toparquet:", err)
		os.Exit(1)
	}
}

func convert(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to + ".unfinished")
	if err != nil {
		return err
	}
	w := parquet.NewGenericWriter[row](out, parquet.Compression(&parquet.Zstd), parquet.MaxRowsPerRowGroup(250_000))
	for lines := json.NewDecoder(bufio.NewReaderSize(in, 1<<20)); ; {
		var one [1]row
		err := lines.Decode(&one[0])
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			_, err = w.Write(one[:])
		}
		if err != nil {
			return err
		}
	}
	if err := errors.Join(w.Close(), out.Close()); err != nil {
		return err
	}
	return os.Rename(to+".unfinished", to)
}
