package postgres

import (
	"context"
	"crypto/cipher"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/sijil-health/sijil/index"
	"github.com/sijil-health/sijil/index/rows"
)

// reader reads from the table, by any connection or by that of a snapshot. It calls back only once the server's answer is read: whoever is called may
// read on by the same connection.
type reader struct {
	q interface {
		Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	}
	seal    cipher.AEAD
	persist func(ctx context.Context, do func() error) error
}

// once is for what a connection begun before: it does not go on by another.
func once(_ context.Context, do func() error) error { return do() }

type pair struct {
	i          int
	key, value []byte
}

func (r *reader) query(ctx context.Context, sql string, args ...any) ([]pair, error) {
	var list []pair
	err := r.persist(ctx, func() error {
		got, err := r.q.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(got, func(row pgx.CollectableRow) (p pair, err error) {
			err = row.Scan(&p.i, &p.key, &p.value)
			return p, err
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	for i := range list {
		if list[i].value, err = open(r.seal, list[i].key, list[i].value); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// sealed gives the form in which a value is kept.
func sealed(seal cipher.AEAD, key, value []byte) []byte {
	if index.Plain(key) {
		return value
	}
	return seal.Seal(nil, nil, value, key)
}

func open(seal cipher.AEAD, key, value []byte) ([]byte, error) {
	if index.Plain(key) {
		return value, nil
	}
	value, err := seal.Open(value[:0:0], nil, value, key)
	if err != nil {
		return nil, fmt.Errorf("%w: a row does not open", index.ErrDamaged)
	}
	if value == nil {
		value = []byte{}
	}
	return value, nil
}

func (r *reader) Get(ctx context.Context, key []byte) (value []byte, err error) {
	err = r.Gets(ctx, [][]byte{key}, func(_ int, v []byte) error {
		value = v
		return nil
	})
	return value, err
}

func (r *reader) Gets(ctx context.Context, keys [][]byte, fn func(i int, value []byte) error) error {
	if len(keys) == 0 {
		return nil
	}
	list, err := r.query(ctx, `SELECT r.i::int, t.k, t.v FROM unnest($1::bytea[]) WITH ORDINALITY AS r(k, i) JOIN sijil_index t ON t.k = r.k ORDER BY r.i`, keys)
	if err != nil {
		return err
	}
	for i := range keys {
		var value []byte
		if len(list) > 0 && list[0].i == i+1 {
			value, list = list[0].value, list[1:]
		}
		if err := fn(i, value); err != nil {
			return err
		}
	}
	return nil
}

// The rows that are asked for at once: of one range, which may be ended early, and of each of several.
const (
	portion  = 512
	together = 1 << 20
)

const (
	upwards   = `SELECT r.i::int, t.k, t.v FROM unnest($1::bytea[], $2::bytea[]) WITH ORDINALITY AS r(f, u, i), LATERAL (SELECT k, v FROM sijil_index WHERE k >= r.f AND (r.u IS NULL OR k < r.u) ORDER BY k LIMIT $3) t ORDER BY r.i, t.k`
	downwards = `SELECT r.i::int, t.k, t.v FROM unnest($1::bytea[], $2::bytea[]) WITH ORDINALITY AS r(f, u, i), LATERAL (SELECT k, v FROM sijil_index WHERE k >= r.f AND (r.u IS NULL OR k < r.u) ORDER BY k DESC LIMIT $3) t ORDER BY r.i, t.k DESC`
)

func (r *reader) Scan(ctx context.Context, ranges []rows.Range, fn func(i int, key, value []byte) (bool, error)) error {
	if len(ranges) == 1 {
		return r.one(ctx, ranges[0], func(key, value []byte) (bool, error) { return fn(0, key, value) })
	}
	from, to := make([][]byte, len(ranges)), make([][]byte, len(ranges))
	for i := range ranges {
		if ranges[i].Reverse || ranges[i].Limit > 0 {
			return errors.ErrUnsupported
		}
		from[i], to[i] = ranges[i].From, ranges[i].To
	}
	list, err := r.query(ctx, upwards, from, to, together)
	if err != nil {
		return err
	}
	for i := range list {
		if more, err := fn(list[i].i-1, list[i].key, list[i].value); err != nil || !more {
			return err
		}
	}
	return nil
}

// one goes through a range by portions.
func (r *reader) one(ctx context.Context, part rows.Range, fn func(key, value []byte) (bool, error)) error {
	sql := upwards
	if part.Reverse {
		sql = downwards
	}
	for left := part.Limit; ; {
		n := portion
		if left > 0 {
			n = min(n, left)
		}
		list, err := r.query(ctx, sql, [][]byte{part.From}, [][]byte{part.To}, n)
		if err != nil {
			return err
		}
		for i := range list {
			if more, err := fn(list[i].key, list[i].value); err != nil || !more {
				return err
			}
		}
		if len(list) < n || len(list) == left {
			return nil
		}
		if left > 0 {
			left -= len(list)
		}
		last := list[len(list)-1].key
		if part.Reverse {
			part.To = last
		} else {
			part.From = append(append([]byte(nil), last...), 0)
		}
	}
}
