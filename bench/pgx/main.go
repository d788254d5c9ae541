// SPDX-License-Identifier: MIT

// pgx writes the rows of a file with pgx, in transactions of a given size, and says what it took.
//
//	pgx DSN copy  TABLE COLUMNS ROWS FILE
//	pgx DSN batch TABLE COLUMNS ROWS FILE INSERT
//
// FILE holds COPY's text form; COLUMNS are its, with commas between; INSERT takes their values as
// $1, $2.. in that order. Values are decoded into the types that pgx encodes fastest before the
// clock starts: an application that has types of its own pays for more than this. The last line of
// output is "SECONDS CPU_SECONDS", from the first row until the last transaction is committed.
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgtype"
	"github.com/jackc/pgx/v4"
)

type job struct {
	connection *pgx.Conn
	way        string
	table      string
	columns    []string
	size       int // rows a transaction
	insert     string
	rows       [][]interface{}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "pgx:", err)
		os.Exit(1)
	}
}

// One value of a column of that type, from COPY's text.
func value(types *pgtype.ConnInfo, oid uint32, text string) interface{} {
	known, found := types.DataTypeForOID(oid)
	if !found {
		check(fmt.Errorf("type %d is unknown", oid))
	}
	result := reflect.New(reflect.ValueOf(known.Value).Elem().Type()).Interface()
	var bytes []byte
	if text != `\N` {
		bytes = []byte(text)
	}
	check(result.(pgtype.TextDecoder).DecodeText(types, bytes))
	return result
}

func (j *job) read(path string) {
	described, err := j.connection.Prepare(context.Background(), "columns",
		"SELECT "+strings.Join(j.columns, ", ")+" FROM "+j.table)
	check(err)
	file, err := os.Open(path)
	check(err)
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		fields := strings.Split(lines.Text(), "\t")
		row := make([]interface{}, len(fields))
		for i, field := range fields {
			row[i] = value(j.connection.ConnInfo(), described.Fields[i].DataTypeOID, field)
		}
		j.rows = append(j.rows, row)
	}
	check(lines.Err())
}

func (j *job) copy(rows [][]interface{}) {
	count, err := j.connection.CopyFrom(context.Background(), pgx.Identifier{j.table}, j.columns,
		pgx.CopyFromRows(rows))
	check(err)
	if int(count) != len(rows) {
		check(fmt.Errorf("%d rows of %d were copied", count, len(rows)))
	}
}

// All statements up to the batch's one sync are one transaction.
func (j *job) batch(rows [][]interface{}) {
	batch := &pgx.Batch{}
	for _, row := range rows {
		batch.Queue("insert", row...)
	}
	results := j.connection.SendBatch(context.Background(), batch)
	for range rows {
		tag, err := results.Exec()
		check(err)
		if tag.RowsAffected() != 1 {
			check(fmt.Errorf("a row was not written"))
		}
	}
	check(results.Close())
}

func (j *job) write() {
	for begin := 0; begin < len(j.rows); begin += j.size {
		end := begin + j.size
		if end > len(j.rows) {
			end = len(j.rows)
		}
		if j.way == "copy" {
			j.copy(j.rows[begin:end])
		} else {
			j.batch(j.rows[begin:end])
		}
	}
}

func cpuSeconds() float64 {
	var usage syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9
}

func main() {
	if len(os.Args) < 7 || os.Args[2] == "batch" && len(os.Args) < 8 {
		fmt.Fprintln(os.Stderr, "usage: pgx DSN copy|batch TABLE COLUMNS ROWS FILE [INSERT]")
		os.Exit(2)
	}
	connection, err := pgx.Connect(context.Background(), os.Args[1])
	check(err)
	size, err := strconv.Atoi(os.Args[5])
	check(err)
	j := &job{connection: connection, way: os.Args[2], table: os.Args[3],
		columns: strings.Split(os.Args[4], ", "), size: size}
	if j.way == "batch" {
		_, err = connection.Prepare(context.Background(), "insert", os.Args[7])
		check(err)
	}
	j.read(os.Args[6])
	runtime.GC() // what reading left behind is not part of it

	began, beganCPU := time.Now(), cpuSeconds()
	j.write()
	seconds, cpu := time.Since(began).Seconds(), cpuSeconds()-beganCPU

	check(connection.Close(context.Background()))
	fmt.Printf("%.6f %.6f\n", seconds, cpu)
}
