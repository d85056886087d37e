package vault
import ("testing";"crypto/hkdf";"crypto/sha256";"crypto/hmac";"hash";"crypto/aes";"crypto/cipher";"crypto/rand")
var k = make([]byte,32)
func BenchmarkExpand64(b *testing.B){ for b.Loop(){ hkdf.Expand(sha256.New,k,"sijil/entry/1aaaaaaaa",64)}}
func BenchmarkHmac(b *testing.B){ m:=make([]byte,8);for b.Loop(){ h:=hmac.New(sha256.New,k);h.Write(m);h.Sum(nil)}}
func BenchmarkHmacClone(b *testing.B){ m:=make([]byte,8);base:=hmac.New(sha256.New,k); base.Write(m); base.Sum(nil); base.Reset(); c:=base.(hash.Cloner);for b.Loop(){ h,_:=c.Clone();h.Write(m);h.Sum(nil)}}
func BenchmarkGCMNew(b *testing.B){ for b.Loop(){ bl,_:=aes.NewCipher(k);cipher.NewGCMWithRandomNonce(bl)}}
func BenchmarkGCMSeal200(b *testing.B){ bl,_:=aes.NewCipher(k);a,_:=cipher.NewGCMWithRandomNonce(bl);p:=make([]byte,200);o:=make([]byte,0,300);for b.Loop(){ a.Seal(o,nil,p,nil)}}
func BenchmarkRand(b *testing.B){ p:=make([]byte,32);for b.Loop(){ rand.Read(p)}}
