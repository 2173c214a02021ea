# Semua teks colok dalam bahasa Indonesia. Id-nya sama dengan `crates/cli/src/messages/ids.rs`.

## Bantuan.

root-about = melayani, bercakap, mengirim, mengukur lewat socket TCP, UDP, Unix
root-usage = PERINTAH [OPSI]...
root-more = Tentang satu perintah: colok PERINTAH --help
heading-usage = Cara pakai:
heading-quick-start = Mulai cepat, di dua terminal:
heading-verbs = Perintah:
heading-options = Opsi:
usage-option = OPSI
quick-start-serve = echo di 5001, count di 12345, berkas di 25563
quick-start-connect = ketik sebaris, server mengirimkannya kembali
quick-start-send = simpan berkas: utuh dan terbukti, atau tidak
flag-lang = en atau id (bawaan: COLOK_LANG, lalu locale)
flag-help = bantuan ini
flag-version = versi program

## colok serve.

serve-about = Layani berkas, echo, count, discard, chargen: TCP, UDP, Unix.
serve-service = apa, di mana (bawaan: echo count files, loopback)
serve-model = auto, sequential, threads, processes, events, uring
serve-idle-timeout = tutup bila diam selama ini (echo 5s, lainnya 60s)
serve-message-gap = jeda selama ini mengakhiri pesan (bawaan 50ms)
serve-max-connections = batas koneksi serentak (bawaan 80 % deskriptor)
serve-max-per-ip = per alamat; 0: tanpa batas (bawaan 256, loopback 0)
serve-workers = jumlah thread atau proses pekerja (bawaan: inti CPU)
serve-busy-poll = uring: cari pekerjaan selama ini sebelum tidur (0)
serve-turn = sequential: lama giliran bila ada antrean (30s)
serve-drain = saat berhenti, beri klien waktu untuk selesai (5s)
serve-quiet = hanya cetak galat
serve-verbose = satu baris untuk setiap pesan dan balasan
serve-log = tambahkan baris JSON ke FILE (-: stdout)
serve-calls = tampilkan tiap panggilan socket: bind, accept, read
serve-footer =
    Contoh: colok serve files 'echo=tcp://[::]:7?quit=off&idle=30s'

## Gudang berkas dari colok serve.

serve-files-about = Layani gudang berkas yang ditulis sekali, untuk colok send dan get.
serve-files-heading = Gudang berkas (selengkapnya: colok serve files --help):
serve-root = simpan berkas di DIR (bawaan ./colok-store)
serve-read-only = tidak ada yang boleh menyimpan
serve-no-list = tidak ada yang boleh melihat daftar nama
serve-token-file = penyimpan harus tahu rahasia dalam FILE
serve-allow-anonymous-write = siapa pun boleh menyimpan, dari mana pun
serve-min-durability = none (bawaan), file, full; klien boleh minta lebih
serve-max-file-size = berkas terbesar (bawaan: tanpa batas)
serve-max-store-size = semua berkas bersama (bawaan: tanpa batas)
serve-keep-free = sisakan sekian dari disk (bawaan 5%)
serve-max-uploads = unggahan serentak (bawaan 256)
serve-max-uploads-per-client = dari satu alamat (bawaan 64)
serve-keep-partial = lama unggahan terputus disimpan (bawaan 24h)
serve-max-rate = byte per detik per koneksi (bawaan: semuanya)
serve-files-footer =
    Tanpa --token-file dan --allow-anonymous-write hanya klien di komputer ini
    yang boleh menyimpan; semua boleh membaca. SIZE: 4096, 64K, 1.5G; TIME: 24h.
    Contoh: colok serve 'files=tcp://[::]' --root /srv/files --token-file secret

## colok connect.

connect-about = Bicara dengan server: baris, byte apa adanya, atau skrip.
connect-url = host:port, tcp://, udp://, unix:/path, unix:@nama
connect-send = kirim TEXT (\n \r \t \xHH); boleh diulang
connect-expect = lalu tunggu PATTERN: * banyak byte, ? satu byte
connect-within = batas waktu --expect (bawaan 5s)
connect-on-eof = half-close (bawaan), close, atau wait=5s
connect-datagram = UDP: satu datagram per baris atau per SIZE byte
connect-wait = UDP: waktu tunggu sesudah balasan terakhir (1s)
connect-connect-timeout = batas waktu menyambung (10s)
connect-idle-timeout = akhiri bila tidak ada data selama ini
connect-deadline = batas waktu seluruhnya, apa pun yang terjadi
connect-retry = terus mencoba selama ini sampai server hidup
connect-source = kirim dari alamat[:port] ini
connect-hex = tampilkan balasan sebagai hex dump
connect-crlf = di terminal, akhiri baris dengan CR LF
connect-reconnect = di terminal, sambung lagi tanpa diminta
connect-verbose = sebutkan sebab berakhirnya di baris terakhir
connect-calls = tampilkan tiap panggilan: connect, write, read

## Perintah tentang berkas.

files-host = host, host:port, atau URL (port 25563)
files-name = nama berkas yang tersimpan
files-token-file = tunjukkan rahasia dalam FILE kepada server
files-idle-timeout = menyerah bila server diam selama ini (60s)
files-json = cetak peristiwa sebagai JSON, satu objek per baris
files-quiet = hanya cetak galat
send-about = Simpan berkas di server: utuh dan terbukti, atau tidak.
send-file = yang dikirim; - berarti masukan standar
send-recursive = kirim folder: isi DIR disimpan sebagai DIR/...
send-name = simpan satu FILE atau folder dengan nama ini
send-prefix = simpan semuanya di folder gudang ini
send-durability = seberapa aman: none, file, full (bawaan)
send-receipt = simpan tanda terima di FILE, sebagai JSON
send-footer =
    Contoh:
      colok send localhost some.iso
      tar c src | colok send 192.168.10.29 - --name src.tar
get-about = Ambil berkas tersimpan: utuh, terverifikasi, tanpa menimpa.
get-output = berkas, folder, atau - untuk keluaran standar
get-range = hanya byte ini, dari 0, termasuk yang terakhir
get-force = timpa yang sudah ada
get-footer =
    Contoh:
      colok get localhost some.iso
      colok get localhost log.txt --range 0-99 -o -
list-about = Tampilkan nama berkas tersimpan, dengan ukuran dan waktu.
list-prefix = hanya nama yang diawali ini
list-json = cetak JSON, satu objek per baris
list-quiet = hanya cetak nama
list-footer =
    Contoh:
      colok list localhost docs/
stat-about = Sebutkan ukuran, waktu, dan hash BLAKE3 berkas tersimpan.
stat-reread = minta server membaca ulang setiap byte
stat-footer =
    Contoh:
      colok stat localhost some.iso
verify-about = Baca ulang byte tersimpan: masih cocok dengan hash-nya?
verify-path = folder gudang, atau tanda terima dari colok send
verify-host = tanya server ini, bukan yang disebut tanda terima
verify-quiet = hanya cetak yang salah
verify-footer =
    Contoh:
      colok verify ./colok-store
      colok verify receipt.json

## colok load.

load-about = Ukur layanan: secepat apa, setenang apa; tiap balasan diperiksa.
load-target = [SERVICE=]URL: echo (bawaan), count, files...
load-connections = koneksi serentak (bawaan 64)
load-depth = pesan sekaligus di tiap koneksi (bawaan 1)
load-rate = loop terbuka: N pesan per detik (150k, 1.5M)
load-size = ukuran pesan: 64, 64-4K, atau 64:9,16K:1 (64)
load-for = lama pengukuran (bawaan 10s)
load-messages = berakhir sesudah sekian pesan
load-until-ci = ulangi sampai laju diketahui sebaik ini (2%)
load-server-pid = ukur juga pemakaian proses server ini
load-html = tulis halaman dengan kurva ke FILE
load-json = cetak satu objek JSON, apa pun akhirnya
load-compare = bandingkan dua laporan JSON
load-quiet = tampilkan laporan saja, tanpa kemajuan
load-footer = Contoh: colok load localhost:5001 --rate 20k --for 5s
load-more-about = Lebih jauh tentang colok load: layanan lain, koneksi, waktu, pembangkit.
load-more-heading = Lainnya (selengkapnya: colok load more --help):
load-active = sekian koneksi mengirim, sisanya terbuka
load-arrivals = --rate: jeda poisson (bawaan) atau even
load-send = layanan apa pun: kirim TEXT (\n \r \t \xHH)
load-expect = PATTERN balasannya: * banyak byte, ? satu
load-messages-per-connection = lalu sambung baru (1: sekali per pesan)
load-ramp-up = buka koneksi selama ini (bawaan 0)
load-warm-up = awal tak diukur (sepersepuluh, maksimal 2s)
load-runs-max = --until-ci: batas jumlah putaran (20)
load-reply-timeout = balasan yang lebih lama dianggap hilang (5s)
load-connect-timeout = koneksi yang lebih lama dianggap gagal (5s)
load-threads = thread tiap proses (bawaan: inti CPU)
load-pin = jalankan di inti ini: 1, 0-3, atau 0,2
load-processes = proses (bawaan: menurut jumlah deskriptor)
load-io = auto (bawaan), epoll, atau uring
load-seed = kedatangan dan ukuran yang sama lagi
load-schema = cetak skema JSON laporan
load-more-footer =
    SERVICE: echo, count, discard, chargen, atau files. Lebih jauh: docs/load.md
    Contoh: colok load localhost:6379 --send 'PING\r\n' --expect '+PONG\r\n'

## Perintah lainnya.

explain-about = Jelaskan arti alamat, port, atau URL, beserta sumbernya.
explain-address = alamat, port, nama host, atau URL
explain-json = cetak JSON
explain-footer =
    Contoh:
      colok explain 192.168.10.26 5001 ff02::1 udp://localhost:12345
completions-about = Cetak skrip pelengkap perintah untuk shell.
completions-shell = bash, zsh, atau fish
completions-footer =
    Contoh:
      source <(colok completions bash)
man-about = Cetak halaman manual colok atau satu perintah.
man-verb = nama perintah; tanpa ini, halaman colok sendiri
man-footer =
    Contoh:
      colok man serve | man -l -
help-about = Tampilkan bantuan colok atau satu perintah.
help-verb = nama perintah

## Tiga bagian sebuah galat.

label-why = sebab:
label-try = coba:
label-or = atau:
meant-perhaps = mungkin maksudnya { $name }

## Kata yang tidak dipahami.

usage-unknown-option = tidak ada opsi { $option }
usage-unknown-verb = tidak ada perintah { $verb }
usage-too-many = kelebihan satu argumen: { $word }
usage-value-missing = { $option } memerlukan nilai
usage-values-missing = { $option } memerlukan { $count } nilai
usage-no-value = { $option } tidak menerima nilai, tetapi diberi { $value }
usage-value = { $option }: nilai { $value } tidak sah
usage-conflict = { $option } tidak dapat dipakai bersama { $other }
usage-missing = { $verb } memerlukan { $name }
usage-utf8 = argumen bukan UTF-8 yang sah
usage-no-effect = { $option } tidak berpengaruh di sini
only-expect = opsi ini menentukan lama --expect menunggu, tetapi --expect tidak ada
only-stream = opsi ini untuk masukan dari pipe atau berkas, lewat tcp atau unix
only-datagrams = opsi ini untuk masukan dari pipe atau berkas, lewat udp
only-inet = socket Unix tidak punya alamat asal
only-shown = di pipe setiap byte diteruskan apa adanya; opsi ini untuk terminal atau skrip
only-terminal = opsi ini untuk mengetik di terminal
only-receipt = gudang diperiksa di komputer ini; HOST hanya untuk tanda terima
only-files = opsi ini untuk layanan files, yang tidak termasuk yang dilayani
only-uring = hanya model uring yang melakukan polling, sedangkan model di sini { $model }
not-script = skrip menunggu selama yang disebut --within dan --deadline
output-is-the-file = keluaran standar dipakai untuk byte berkasnya
output-is-no-file = tidak ada yang dapat ditimpa
usage-choices = pilihannya: { $choices }
value-time = lama waktu ditulis seperti 5s, 100ms, 2.5s, 3m, atau 1h
value-time-positive = harus berupa lama waktu di atas nol, misalnya 5s atau 100ms
value-busy-poll = harus berupa lama waktu di atas nol dan paling lama 10ms, misalnya 50us
value-number = harus berupa bilangan bulat mulai dari 0
value-number-positive = harus berupa bilangan bulat mulai dari 1
value-size = harus berupa jumlah byte mulai dari 1, misalnya 4096, 64K, 1.5M, atau 10G (K berarti 1024)
value-percent = harus berupa persentase dari 0 sampai 99, misalnya 5%
value-range = harus AWAL-AKHIR atau AWAL-, dihitung dari 0: 0-99 adalah seratus byte pertama
value-log = harus json:FILE, atau json:- untuk keluaran standar
value-on-eof = harus half-close, close, atau wait=WAKTU, misalnya wait=5s
value-datagram = harus line, atau jumlah byte dari 1 sampai 65507
value-source = harus berupa alamat dengan atau tanpa port: 127.0.0.1, 127.0.0.1:4000, [::1]:4000, fe80::1%eth0
value-pattern-empty = pola kosong akan langsung cocok
value-escape = urutan escape: \n \r \t \0 \\ \* \? \xHH
expected-on-off = harus on atau off
expected-language = harus id atau en
expected-unit = harus chars atau bytes
expected-mode = harus berupa tiga angka oktal, misalnya 600 atau 666
expected-group = harus berupa alamat multicast, misalnya 239.1.2.3 atau ff02::1%eth0
expected-congestion = harus berupa nama congestion control, misalnya reno, cubic, atau bbr

## Kata-kata colok load.

only-rate = ia mengatur sebaran pesan --rate, dan tidak ada --rate
only-until = ia membatasi putaran --until-ci, dan tidak ada --until-ci
only-streams = uring hanya untuk tcp dan unix; untuk udp pakai auto atau epoll
load-not-with = ia tidak berarti apa-apa dengan { $service }
load-one-service = --send dan --expect sudah merupakan layanan sendiri
load-send-empty = pesan kosong tidak dapat dikirim
load-send-expect = --send dan --expect harus bersama: pesan dan balasannya
value-at-most = isinya bilangan bulat dari 1 sampai { $most }
value-rate = isinya jumlah pesan per detik di atas nol, misalnya 500, 150k, atau 1.5M
value-sizes = isinya satu ukuran (64), rentang (64-4K), atau ukuran dengan bobot (64:9,16K:1), masing-masing dari 1 dan di bawah 16M
value-until = isinya persentase di atas 0 dan di bawah 100, misalnya 2%
value-runs = perlu paling sedikit 3 putaran untuk tahu seberapa berbeda
value-cores = isinya daftar prosesor, misalnya 1, 0-3, atau 0,2, masing-masing sekali

## Alamat dan layanan.

url-forms = contohnya { $forms }
url-empty = alamatnya kosong
url-too-long = alamatnya terlalu panjang
url-scheme = tidak ada skema { $scheme }
url-scheme-why = skema yang ada: tcp, udp, dan unix
url-port = { $port } bukan nomor port
url-port-why = port adalah bilangan dari 0 sampai 65535
url-port-missing = { $address } tidak menyebut port
url-host = { $host } bukan nama host atau alamat
url-brackets-why = alamat IPv6 dengan port harus diberi kurung siku
url-path = ada { $rest } di belakang port
url-path-why = alamat tcp atau udp tidak punya path
url-unix-name = { $name } tidak dapat menjadi nama socket Unix
url-unix-name-why = nama terdiri dari 1 sampai { $longest } byte tanpa NUL
url-options-here = opsi { $option } milik alamat server, bukan alamat klien
service-unknown = tidak ada layanan { $name }
services-are = layanan yang ada: { $services }
service-transport = { $service } tidak dilayani lewat { $transport }
service-transport-why = satu datagram palsu dapat membuatnya membanjiri komputer lain
service-option-unknown = { $service } tidak punya opsi { $option } di sini
congestion-tcp-only = congestion control adalah bagian dari tcp; lewat { $transport } tidak ada

files-over-udp-why = berkas memerlukan koneksi, sedangkan datagram dapat hilang

## Nama berkas yang tersimpan.

name-wrong = { $place }: { $name } tidak dapat menjadi nama berkas tersimpan
name-empty = namanya kosong
name-empty-component = diawali atau diakhiri /, atau ada dua yang berurutan
name-dots = ada bagiannya yang berupa . atau ..
name-control = ada karakter kendali di dalamnya
name-too-long = lebih dari { $limit } byte
name-component-too-long = ada bagiannya yang lebih dari { $limit } byte
name-too-deep = lebih dari { $limit } bagian
name-reserved = nama di bawah { $reserved } milik gudang sendiri
name-encoding = bukan UTF-8 yang sah

## Berkas yang tidak sampai ke tujuan.

token-wrong = { $file } tidak memuat rahasia
token-wrong-why = isinya harus satu baris, 1 sampai 1024 byte
store-open-why = folder gudang berkas tidak dapat dipakai
files-interrupted = dihentikan
files-go-on = perintah yang sama sekali lagi; lanjut dari tempat terputus
files-again = perintah yang sama sekali lagi
files-lost-why = koneksinya terputus
files-silent = { $address }: tidak ada jawaban selama { $time }
files-silent-why = server atau jalan ke sana macet
files-not-a-store = { $address } bukan gudang berkas
file-changed = { $path } berubah selagi dikirim
file-changed-why = yang tersimpan akan berupa campuran lama dan baru; tidak ada yang disimpan
file-changed-next = ulangi saat tidak ada yang menulis ke sana
file-changed-there = { $name } berubah di server
file-damaged = { $name } rusak dalam perjalanan
file-damaged-why = hash BLAKE3-nya { $computed }, bukan { $expected }
file-wrong-receipt = { $name }: server menjamin isi lain daripada yang dikirim
file-less-safe = { $name }: tersimpan, tetapi keamanannya hanya { $reached }
file-less-safe-why = yang diminta keamanan { $asked }
target-exists = { $path } sudah ada
target-exists-why = tidak ada yang ditimpa tanpa diminta
plan-folder = { $path } adalah folder
plan-not-a-file = { $path } bukan berkas dan bukan folder
plan-no-size = { $path } tidak memberi tahu ukuran sebenarnya
plan-no-size-why = yang terbaca tidak sepanjang kata sistem, seperti pada berkas milik kernel
plan-same-name = dua berkas akan disimpan sebagai { $name }
plan-same-name-next = kirim satu per satu, masing-masing dengan --name atau --prefix
plan-same-target = dua berkas tersimpan akan menjadi { $path }
plan-same-target-next = ambil satu per satu, masing-masing dengan -o
plan-many-into-one = beberapa berkas tidak dapat menjadi satu { $path }
plan-input-needs-name = masukan standar memerlukan --name
plan-input-twice = masukan standar hanya dapat dikirim sekali
plan-one-name-for-many = --name hanya untuk satu berkas atau folder
plan-one-range-for-many = --range hanya untuk satu berkas
name-taken-why = gudang menyimpan isi lain dengan nama ini ({ $size } B, BLAKE3 { $hash }); tidak ada yang berubah
name-taken-next = nama lain: --name { $name }
refused-token-why = di sana penyimpan harus menunjukkan rahasia
refused-list-why = server tidak memberi daftar nama (--no-list)
refused-write-why = server tidak menerima simpanan dari sini; tidak ada yang berubah
refused-write-next = di server: --token-file FILE, atau --allow-anonymous-write
refused-not-a-file-why = sebuah folder memakai nama ini, atau sebuah berkas memakai nama foldernya
refused-other-name = nama lain: --name NAME
refused-hash-why = byte berubah di perjalanan; tidak ada yang disimpan
refused-too-large-why = server menerima paling banyak { $limit }
refused-range-why = berkas itu terdiri dari { $size } byte
refused-uploads-why = unggahan di sana sudah sebanyak yang diizinkan
refused-not-now-why = server sedang tidak melayani yang baru
refused-space-why = gudang atau disknya penuh; tidak ada yang disimpan
refused-later = perintah yang sama beberapa saat lagi

## Socket yang gagal.

nothing-listens = tidak ada yang mendengarkan di sana
start-unix = jalankan { $command }
start-or-check-port = jalankan server lebih dahulu, atau periksa portnya ({ $port })
start-there = di { $host }: { $command }
resolve-why = tidak ada alamat yang dikenal untuk nama { $host }
resolve-next = periksa ejaannya, atau tanyakan ke resolver: getent hosts { $host }
connect-timeout-what = connect { $address }: tidak ada jawaban dalam { $time }
connect-timeout-why = komputernya mati, atau firewall membuang paketnya
connect-timeout-next = periksa alamatnya, atau beri waktu lebih: --connect-timeout 30s
held-by = { $name } (pid { $process }) memakai alamat ini
held-by-somebody = proses lain memakai alamat ini
stop-holder = { $command } (untuk menghentikannya)
file-in-the-way = di sana ada berkas yang bukan socket milik colok; berkas itu dibiarkan
remove-file = { $command } (kalau berkasnya tidak diperlukan lagi)
find-holder = { $command } (menunjukkan prosesnya)
privileged-port-why = port di bawah 1024 memerlukan hak khusus
privileged-port-next = jalankan dengan sudo, atau: sudo setcap cap_net_bind_service=+ep "$(command -v colok)"
permission-why = sistem tidak mengizinkannya
unreachable-why = tidak ada rute ke sana
unreachable-next = periksa jaringan (ip route), atau pakai alamat lain
not-ours-why = komputer ini tidak memiliki alamat itu
not-ours-next = ip address (menunjukkan yang ada), atau [::] untuk semuanya
no-address-for-it-why = komputer ini tidak punya alamat untuk mencapainya
show-addresses = ip address (menunjukkan alamat komputer ini)
zone-missing-why = alamat link-local memerlukan antarmuka jaringannya
zone-missing-next = { $address } (ip link menunjukkan antarmukanya)
source-family-why = alamat asal dan tujuan tidak sejenis
source-family-next-ipv4 = alamat asal IPv4, misalnya --source 127.0.0.1
source-family-next-ipv6 = alamat asal IPv6, misalnya --source ::1
family-why = komputer ini tidak mengenal jenis alamat itu
family-next = pakai alamat IPv4, misalnya 127.0.0.1
datagram-too-long = masukan tidak muat dalam satu datagram
datagram-too-long-why = satu datagram memuat paling banyak { $limit } byte
reset-why = pihak lain memutus koneksi
descriptors-why = deskriptor sudah habis
descriptors-next = ulimit -n 65536 (menaikkan batas deskriptor)
unix-missing-why = berkas socket itu tidak ada
no-folder-why = folder untuk berkas socket itu tidak ada
no-ring-why = sistem ini tidak memberi io_uring: kernel lama (perlu Linux 6.1), setelan kernel.io_uring_disabled, atau sandbox
congestion-absent = congestion control { $name } tidak termuat di kernel ini; yang ada: { $there }
congestion-load = { $command } (bila kernel punya modulnya)
congestion-forbidden = congestion control { $name } hanya untuk root; semua orang boleh memilih: { $allowed }
congestion-allow = { $command } (agar semua orang boleh memilihnya)

## Tabel yang dilayani.

table-title = colok melayani (model { $model }):
table-service = layanan
table-address = alamat
table-command = di terminal lain
table-store = berkas disimpan di { $root }; { $who }
table-store-loopback = klien di komputer ini boleh menyimpan
table-store-token = klien yang tahu rahasianya boleh menyimpan
table-store-anyone = siapa pun boleh menyimpan
table-store-nobody = tidak ada yang boleh menyimpan
table-stop = Tekan Ctrl-C untuk berhenti.

## Log.

log-accepted = tersambung { $remote } -> { $local }
log-message = pesan { $bytes } B: { $text }
log-replied = dikirim { $bytes } B
log-closed = ditutup setelah { $duration }: { $reason } ({ $received } B masuk, { $sent } B keluar)
log-refused = ditolak { $remote } -> { $local }: { $reason }
log-file-resumed = melanjutkan { $name } dari byte { $offset }
log-file-have-it = sudah ada: { $name }
log-file-name-taken = nama sudah terpakai: { $name }
log-file-not-stored = tidak disimpan: { $name }: { $reason }
log-file-opened = mengirim { $bytes } B dari { $name }
log-file-damaged = rusak: byte { $name } bukan lagi yang dulu disimpan
log-paused = penerimaan koneksi ditunda di { $address }: { $reason }
log-resumed = koneksi diterima lagi di { $address }
log-worker-lost = pekerja { $worker } (pid { $process }) mati: { $status }; { $connections } koneksi terputus
log-stopping = { $connections ->
        [0] sedang berhenti
       *[other] menunggu { $connections } koneksi, paling lama { $time } (Ctrl-C lagi: langsung berhenti)
    }
log-dropped = { $records } baris log hilang: terlalu cepat untuk sempat ditulis
notice-address-skipped = tidak dilayani: { $subject }
notice-stale-socket-removed = berkas socket { $subject } dihapus: tidak ada yang mendengarkan di situ
notice-fell-back-to-events = dilayani dengan model events, yang mampu melakukan semua yang dilakukan uring: sistem ini tidak memberi io_uring (kernel lama, setelan kernel.io_uring_disabled, atau sandbox): { $subject }
notice-fell-back-to-threads = events tidak dapat berjalan di sini, jadi dipakai threads: { $subject }
notice-worker-not-started = satu proses pekerja gagal dijalankan dan dicoba lagi: { $subject }
notice-datagrams-dropped = datagram datang ke { $subject } lebih cepat daripada dibaca: sebagian hilang, dan dihitung
totals = berhenti: { $connections } koneksi, { $datagrams } datagram, { $received } B masuk, { $sent } B keluar, { $refused } ditolak
totals-workers = { $workers } pekerja mati
totals-datagrams-dropped = { $datagrams } datagram hilang sebelum dibaca
totals-dropped = { $records } baris log hilang

## Berkas dalam perjalanan.

phase-hashing = hash
phase-checking = memeriksa
phase-sending = mengirim
phase-waiting = menunggu disk
phase-receiving = menerima
progress-files = { $done } dari { $files } berkas
progress-of = { $done } dari { $total }
progress-left = sisa { $time }
files-retrying = { $error }; percobaan { $next } dari { $most } dalam { $pause }
send-stored = { $name }: tersimpan, { $size } B, keamanan { $durability }, BLAKE3 { $hash }
send-have-it = { $name }: sudah ada (have it), { $size } B, keamanan { $durability }, BLAKE3 { $hash }
send-not-asked-why = tidak ada yang dikirim; server tidak dihubungi
send-receipt-is-source = { $path } akan dikirim; tanda terimanya akan menimpanya
send-nothing = tidak ada yang perlu dikirim
send-skipped = dilewati { $path }: { $why }
send-summary = { $files } berkas: { $stored } tersimpan, { $already } sudah ada, { $failed } gagal; { $bytes } dalam { $time }
skip-link = sebuah tautan
skip-special = bukan berkas biasa
get-got = { $name }: { $size } B diterima sebagai { $path }, BLAKE3 { $hash }
get-summary = { $files } berkas: { $got } diterima, { $failed } gagal; { $bytes } dalam { $time }
list-summary = { $files } berkas, { $bytes }
stat-entry =
    { $name }
    {"  "}ukuran    { $size }
    {"  "}diubah    { $modified }
    {"  "}BLAKE3    { $hash }
verify-whole = { $name }: utuh, { $size } B, BLAKE3 { $hash }
verify-unknown = { $name }: tidak diketahui: tidak ada hash tersimpan; sekarang { $hash }
verify-damaged = { $name }: rusak: BLAKE3 { $hash }, seharusnya { $expected }
verify-missing = { $name }: hilang: dahulu BLAKE3 { $expected }
verify-unreadable = { $name }: tidak dapat dibaca: { $reason }
verify-summary = { $whole } utuh, { $unknown } tidak diketahui, { $damaged } rusak, { $missing } hilang; { $bytes } dibaca
verify-not-a-receipt = { $path } tidak memuat tanda terima
verify-not-a-store = { $path } bukan gudang berkas
verify-not-a-store-why = tidak ada { $reserved } di dalamnya, tempat hash disimpan

## Laporan sebuah beban.

done-at = di
done-connections = { $count ->
       *[other] { $count } koneksi
    }
done-active = { $all } koneksi, { $active } di antaranya mengirim
done-size = pesan { $size }
done-sizes = pesan { $first } sampai { $last }
done-closed = { $depth } pesan sekaligus di tiap koneksi (loop tertutup)
done-open = { $rate } pesan/s diminta (loop terbuka)
done-taken = secepat diterimanya
done-reconnect = koneksi baru tiap { $count } pesan
done-messages = seluruhnya { $count } pesan
done-until = putaran { $each } sampai diketahui hingga +/- { $percent }
done-warm-up = { $length } sesudah pemanasan { $time }
report-result = hasil
report-throughput = laju
report-latency = latensi
report-messages = pesan
report-connections = koneksi
report-generator = pembangkit
report-server = sisi server
report-repeat = mengulang
report-page = halaman ditulis ke { $path }
report-all-right = setiap balasan benar ({ $count } dibandingkan, byte demi byte)
report-stream-right = setiap byte yang datang benar
report-taken = server menerima semuanya ({ $count } pesan) dan tidak menjawab apa pun
report-sent = { $count } datagram berangkat; apakah server menerimanya tidak terlihat dari sini
report-nothing = tidak ada yang dijawab
report-interrupted = terhenti: angkanya sampai saat itu
report-few = sedikit
meaning-few = sedikit: bila yang lebih lambat kurang dari 10, angkanya bisa kebetulan
finding-generator = yang membatasi adalah pembangkit beban, bukan server: server mungkin lebih cepat dari ini
finding-generator-late = sebagian waktunya milik pembangkit beban: server mungkin lebih cepat dari itu
limit-processor = thread tersibuknya bekerja selama { $share } waktu
limit-delayed = thread-nya menunggu prosesor selama { $share } waktu
limit-slip = 1 dari 100 pesan berangkat terlambat { $time } atau lebih padahal ada koneksi bebas
limit-backlog = { $count } pesan sudah waktunya dan ada koneksi bebas, tetapi tidak dikirim: ia terhenti, atau tak dapat prosesor
limit-descriptors = deskriptornya habis (batas { $limit })
limit-ports = port lokalnya habis ({ $available } per alamat)
limit-drops = { $count } datagram dibuang karena ia membaca terlalu lambat
limit-delayed-next = komputer yang lebih tenang, inti lain dari server (--pin), atau komputer lain untuk beban
limit-processor-next = tambah --threads, pakai inti lain dari server (--pin), atau komputer lain untuk beban
limit-descriptors-next = ulimit -n 1000000, atau tambah --processes
limit-ports-next = kurangi koneksi baru, atau server di 127.0.0.1, yang boleh memakai lebih banyak alamat asal
limit-drops-next = tambah --threads, atau kurangi --depth atau --rate
finding-rate = diminta { $requested }/s, tercapai { $achieved }/s: latensi terus naik selama keadaan ini berlangsung
finding-rate-backlog = saat berakhir, { $count } pesan sudah waktunya tetapi belum terkirim; persentil tidak bermakna di sini
finding-rate-next = --rate yang lebih rendah; tanpa --rate beban mencari kemampuan tertinggi server
finding-unsteady = laju tidak diketahui hingga +/- { $wanted }
finding-unsteady-reached = { $runs ->
       *[other] hasilnya +/- { $reached } sesudah { $runs } putaran
    }
finding-unsteady-few = putarannya terlalu sedikit untuk disimpulkan
finding-unsteady-next = putaran lebih lama (--for), lebih banyak (--runs-max), atau komputer yang lebih tenang
finding-unreliable = tidak semua balasan benar: { $list }
count-wrong = { $count } salah
count-lost = { $count } hilang
count-duplicates = { $count } ganda
count-out-of-order = { $count } tidak urut
count-late = { $count } terlambat
count-unexpected = { $count } byte yang tidak diminta
meaning-wrong = salah: balasannya berbeda dari yang seharusnya
meaning-lost = hilang: tidak ada balasan dalam { $time }, atau koneksi berakhir sebelumnya
meaning-not-taken = hilang: koneksi berakhir sebelum server menerimanya
meaning-duplicates = ganda: balasan kedua untuk pesan yang sudah dibalas
meaning-out-of-order = tidak urut: pesan yang belakangan dibalas lebih dahulu
other-service = apakah itu layanan echo? Bila bukan, sebutkan: colok load count={ $url }
finding-connections = tidak semua koneksi bertahan
connections-not-made = tidak dapat dibuat: { $list }
connections-ended = berakhir sebelum beban selesai: { $list }
reason-peer-closed = ditutup server
reason-timeout = tidak ada jawaban pada waktunya
finding-nothing = tidak ada angka: semua yang dikirim termasuk pemanasan
finding-nothing-next = --warm-up yang lebih pendek, atau beban yang lebih lama
finding-few = hanya { $count } balasan terukur: balasan lambat yang jarang belum terlihat
finding-few-next = --for yang lebih lama
finding-few-next-messages = tambah --messages
finding-shared = server dan pembangkit berbagi prosesor komputer ini: keduanya saling memperlambat
finding-shared-next = --pin, dan taskset untuk server, di inti berbeda; atau komputer lain untuk beban
throughput-messages = { $rate } pesan/s
throughput-bytes = { $there } ke server, { $back } kembali
throughput-parts = +/- { $percent }: 95 % yakin antara { $low } dan { $high } ({ $samples } bagian)
throughput-runs = +/- { $percent }: 95 % yakin antara { $low } dan { $high } ({ $samples } putaran)
throughput-unsure = seberapa pasti itu tidak dapat dikatakan: selama diukur lajunya terlalu berubah-ubah
throughput-nothing = tidak ada yang terukur: berakhir sebelum pemanasan selesai
column-service = waktu layanan
column-response = waktu tanggap
column-beyond = lebih lambat
column-slip = keterlambatan
column-connect = menyambung
row-min = tercepat
row-max = terlama
row-mean = rerata
meaning-closed = dari pesan dikirim sampai akhir balasannya; 99 %: 99 dari 100 tidak lebih lama
meaning-service = waktu layanan: dari pesan dikirim sampai akhir balasannya
meaning-response = waktu tanggap: dari saat pesan seharusnya dikirim, termasuk menunggu: yang dirasakan pengguna
reconciliation = terkirim { $sent } = dijawab { $answered } + di jalan { $flight } + hilang { $lost } + salah { $wrong }
reconciliation-taken = terkirim { $sent } = diterima { $answered } + di jalan { $flight } + hilang { $lost } + salah { $wrong }
reconciliation-besides = selain itu: { $list }
reconciliation-fault = jumlahnya tidak cocok: ini kesalahan colok, mohon laporkan
connections-opened = { $count } dibuka
connections-time = menyambung perlu { $half } (separuhnya), paling lama { $max }
connections-sources = dari { $count } alamat
connections-spread = { $least } sampai { $most } balasan pada tiap koneksi, kerataan { $even } (1: sama semua)
connections-spread-taken = { $least } sampai { $most } pesan pada tiap koneksi, kerataan { $even } (1: sama semua)
generator-threads = { $threads ->
       *[other] { $threads } thread
    }
generator-processes = { $processes } proses
generator-busy = yang tersibuk bekerja selama { $share } waktu
generator-cost = { $time } waktu prosesor per pesan
generator-slip = 99 % pesan berangkat dalam { $time } sejak waktunya tiba dan ada koneksi bebas
server-busy = { $name } (pid { $pid }): { $share } dari satu prosesor
server-cost = { $all } per pesan ({ $user } sendiri, { $system } di kernel)
server-memory = memori { $size }
server-memory-each = tambah { $size } per koneksi
load-no-process = --server-pid: tidak ada proses { $pid }
load-no-process-why = proses itu sudah berakhir, atau pengguna ini tidak boleh melihatnya
load-no-processor = komputer ini tidak punya prosesor { $number }
load-range = isinya { $least } sampai { $most }
live-connecting = menyambung
live-warm-up = pemanasan
live-measuring = mengukur
live-run = mengukur, putaran { $run }
live-ending = menunggu balasan terakhir
live-errors = { $count } kesalahan
live-answered = { $count } dijawab
live-connections = { $count } koneksi
live-stop = Ctrl-C mengakhiri di sini; laporan tetap keluar
compare-title = A: { $first }; B: { $second }
compare-no-report = { $path } bukan laporan colok load
compare-form = bentuknya { $form }, yang tidak dikenal versi ini
compare-higher = laju B lebih tinggi dari A: { $change }
compare-lower = laju B lebih rendah dari A: { $change }
compare-same = tidak terlihat perbedaan laju ({ $change } bisa kebetulan)
compare-unknown = laju berbeda { $change }; terlalu sedikit diketahui untuk menyebutnya kebetulan atau bukan
compare-sure = 95 % yakin antara { $low } dan { $high }
compare-figures = selain itu
compare-settings = pengaturan
compare-nothing = salah satunya tidak mengukur apa pun: tidak ada yang dibandingkan
compare-plan = keduanya tidak melakukan hal yang sama: lihat pengaturan di bawah
compare-machine = keduanya berjalan di mesin, kernel, atau jalur yang berbeda
compare-limited = setidaknya di salah satunya yang membatasi adalah pembangkit beban, bukan server
compare-unreliable = setidaknya di salah satunya tidak semua balasan benar
compare-single = masing-masing satu putaran: perbedaan dari satu kali jalan ke kali berikutnya tidak ikut dinilai (--until-ci)
compare-tool = keduanya dibuat oleh versi colok yang berbeda

## Bagaimana percakapan berakhir.

end-line = berakhir: { $reason }; { $received } B masuk, { $sent } B keluar, { $unsent } B tidak terkirim
end-peer-closed = server menutup koneksi (FIN)
end-reset = koneksi terputus: { $reason }
end-input-sent = semua masukan sudah terkirim
end-wait-over = waktu menunggu jawaban habis
end-idle = terlalu lama tidak ada data
end-deadline = waktunya habis
end-output-failed = keluaran standar gagal: { $reason }
end-input-failed = masukan standar gagal: { $reason }
end-closed-by-us = koneksi ditutup dari sisi ini
end-time-why = batasnya { $time }
short-not-sent = { $sent } B terkirim; { $left } B masukan belum terkirim
short-input-open = { $sent } B terkirim; masukan belum habis
short-not-echoed = { $back } dari { $sent } B kembali
no-reply-what = { $address }: tidak ada balasan dalam { $time }
no-reply-why = tidak ada yang menjawab di sana, atau datagramnya hilang
no-reply-next = ulangi dengan waktu tunggu lebih lama: --wait 5s
nothing-sent-what = tidak ada yang dikirim
nothing-sent-why = masukannya kosong
nothing-sent-next = tanpa --datagram, masukan kosong menjadi satu datagram kosong
script-not-met = langkah { $step }: diharapkan { $expected }, yang datang: { $got }
script-got-nothing = tidak ada
script-not-sent = langkah { $step }: { $sent } dari { $length } B terkirim
terminal-greeting = tersambung { $local } -> { $remote }; Ctrl-D untuk keluar
terminal-closed = -- { $reason } ({ $received } B masuk, { $sent } B keluar)
terminal-how-to-reconnect = Enter untuk menyambung lagi, Ctrl-D untuk keluar
terminal-reconnecting = menyambung lagi

## colok explain.

explain-tcp = tcp: aliran byte yang berurutan lewat koneksi
explain-udp = udp: datagram lepas, untuk request-response, multicast, dan broadcast
explain-unix = unix: aliran antarproses pada satu komputer
explain-host-name = nama host: { $host }, alamatnya harus dicari dahulu
explain-localhost = localhost: komputer ini, 127.0.0.1 dan ::1
explain-every-address = *: semua alamat komputer ini, untuk mendengarkan
explain-ipv4 = alamat IPv4, dalam biner { $binary }
explain-ipv6 = alamat IPv6, lengkapnya { $full }
explain-class = kelas { $class } (bit pertama { $bits }): network { $network } ({ $bytes } byte), host { $host }
explain-class-d = kelas D (bit pertama { $bits }): multicast, tanpa bagian network dan host
explain-class-e = kelas E (bit pertama { $bits }): dicadangkan untuk eksperimen
explain-purpose = { $purpose } (dalam { $block })
explain-scope = jangkauan multicast: { $scope }
explain-embedded = memuat alamat IPv4 { $address }
explain-zone = pada antarmuka jaringan { $zone }
explain-port-well-known = port { $port }: well-known ({ $first } sampai { $last }); perlu hak khusus untuk mendengarkan
explain-port-registered = port { $port }: terdaftar ({ $first } sampai { $last }); setiap program boleh mendengarkan
explain-port-dynamic = port { $port }: dinamis ({ $first } sampai { $last }); dipakai klien, tidak pernah dialokasikan
explain-service = layanan di port { $transport } { $port }: { $name }
explain-udp-header = header UDP: { $bytes } byte
explain-unix-path = berkas socket { $path }; izinnya menentukan siapa yang boleh menyambung
explain-unix-abstract = nama abstrak { $name }: tanpa berkas, tanpa izin, hanya Linux
explain-ipv4-wrong = { $text } bukan alamat IPv4
explain-ipv4-wrong-why = alamat IPv4 terdiri dari empat bilangan dari 0 sampai 255
header-source = port asal
header-destination = port tujuan
header-length = panjang
header-checksum = checksum
header-data = data, paling banyak { $bytes } byte lewat IPv4
purpose-unspecified = tak ditentukan: semua alamat komputer ini saat mendengarkan
purpose-this-network = jaringan ini, hanya sebagai alamat asal
purpose-loopback = loopback: komputer ini sendiri
purpose-private = jaringan privat, tidak dirutekan di internet
purpose-shared = dipakai bersama penyedia dan pelanggannya (carrier-grade NAT)
purpose-link-local = link-local: hanya di link ini, tidak diteruskan router
purpose-broadcast = broadcast: semua komputer di link ini
purpose-multicast = multicast: sekelompok komputer
purpose-documentation = dokumentasi: hanya untuk contoh
purpose-benchmarking = pengukuran perangkat jaringan
purpose-protocol-assignments = penetapan protokol
purpose-reserved = dicadangkan
purpose-global = global: internet publik
purpose-unique-local = unique local: jaringan privat IPv6
purpose-site-local = site-local: usang, digantikan unique local
purpose-mapped = alamat IPv4 seperti ditampilkan socket IPv6
purpose-translated = alamat IPv4 di balik penerjemah (NAT64)
purpose-tunnelled = jaringan IPv6 di dalam IPv4 (6to4)
purpose-discard-only = paket untuk dibuang
scope-interface = hanya komputer ini
scope-link = link ini
scope-realm = realm ini, lebih luas daripada link
scope-admin = ditetapkan administrator, yang terkecil
scope-site = lokasi ini
scope-organization = organisasi ini
scope-administrative = ditetapkan administrator
scope-source-specific = satu pengirim pilihan penerima
scope-global = seluruh internet
scope-unassigned = belum ditetapkan

## Halaman pengujian beban

page-language = id
page-outcome-ok = Tidak ada yang salah, dan tidak ada yang meragukan angka-angka ini.
page-outcome-doubt = Tidak ada yang salah; baca temuan di bawah sebelum memercayai angkanya.
page-outcome-errors = Tidak setiap pesan mendapat balasan yang benar, atau ada koneksi yang gagal.
page-outcome-not-proved = Laju pesan belum diketahui seteliti yang diminta.
page-outcome-interrupted = Dihentikan oleh pengguna; angkanya berlaku sampai saat itu.
page-outcome-failed = Pengujian beban tidak dapat dijalankan.
page-rate = pesan per detik
page-rate-taken = pesan terkirim per detik
page-bytes = byte diterima per detik
page-bytes-taken = byte dikirim per detik
page-confidence = ± { $percent } (keyakinan 95 %)
page-half-within = separuh balasan tiba dalam
page-most-within = 99 % balasan tiba dalam
page-slowest = balasan paling lambat
page-too-few = sampel terlalu sedikit
page-errors = kesalahan
page-findings = Baca ini dahulu
page-service = waktu layanan
page-response = waktu tanggap
page-slip = keterlambatan kirim
page-curve = Berapa lama balasan datang
page-curve-about = Cara membaca: sebagian balasan sebesar ini datang paling lama dalam waktu sekian. Tiap langkah ke kanan menyisakan sepersepuluh balasan: yang lambat itu jarang, dan sumbu ini memberinya ruang.
page-axis-share = bagian dari balasan
page-axis-time = waktu (sumbu logaritmik)
page-axis-seconds = detik sejak pesan pertama
page-axis-rate = pesan per detik
page-axis-bytes = byte per detik
page-axis-errors = kesalahan per detik
page-weak = kurang dari 10 yang lebih lambat
page-rate-time = Pesan per detik, dari waktu ke waktu
page-bytes-time = Byte per detik, dari waktu ke waktu
page-latency-time = Latensi, dari waktu ke waktu
page-errors-time = Kesalahan per detik, dari waktu ke waktu
page-from-to = { $name }: { $least } sampai { $most }.
page-answered = dijawab
page-taken = diterima server
page-requested = diminta
page-received = diterima
page-sent = dikirim
page-warm-up = pemanasan
page-median = separuh dalam (median)
page-ninety-nine = 99 % dalam
page-ninety-nine-response = 99 % dalam, waktu tanggap
page-max = terlama
page-min = tercepat
page-mean = rerata
page-deviation = simpangan baku
page-percentiles = Persentil
page-percentile = bagian balasan
page-beyond = lebih lambat
page-service-is = Waktu layanan: dari byte pertama pesan dikirim sampai byte terakhir balasannya. Selama server diam, sedikit yang dikirim, maka sedikit pula yang terlihat di sini.
page-response-is = Waktu tanggap: sejak pesan itu dijadwalkan. Inilah yang dialami klien yang tidak saling menunggu.
page-slip-is = Keterlambatan kirim: berapa lama pesan berangkat setelah jadwalnya.
page-account = Nasib setiap pesan
page-in-flight = di jalan
page-lost = hilang
page-wrong = salah
page-balanced = Jumlahnya tepat. Pemanasan ikut dihitung di sini.
page-unbalanced = Jumlahnya tidak tepat: ini cacat pembangkit beban; jangan pakai angka-angka ini.
page-duplicates = balasan ganda
page-out-of-order = balasan tidak berurutan
page-late = balasan yang tiba setelah dianggap hilang
page-unexpected = byte yang tidak diminta
page-throughput = Laju
page-interval = selang kepercayaan 95 %
page-backlog = dijadwalkan tetapi belum terkirim di akhir
page-bytes-sent = terkirim
page-bytes-received = diterima
page-measured = lama pengukuran
page-connections = Koneksi
page-connections-all = koneksi
page-opened = dibuka
page-open-at-end = terbuka di akhir
page-not-made = tidak dapat dibuat
page-ended = berakhir terlalu dini
page-connect-time = menyambung, rerata – terlama
page-sources = alamat asal
page-each = dijawab per koneksi, tersedikit – terbanyak
page-each-taken = diterima per koneksi, tersedikit – terbanyak
page-fairness = kerataan (indeks Jain; 1 berarti merata)
page-runs = Putaran
page-run = putaran
page-run-length = lama
page-generator = Yang dipakai pembangkit beban
page-threads = thread
page-processes = proses
page-busy = sibuk, tiap thread
page-delayed = menunggu prosesor, tiap thread
page-cost = waktu prosesor per pesan
page-own-slip = keterlambatannya sendiri, 99 %
page-descriptors = deskriptor terpakai / diizinkan
page-ports = port lokal terpakai / tersedia
page-drops = datagram yang terbuang di sisi kita
page-io = panggilan sistem lewat
page-server = Yang dipakai server
page-process = nama proses
page-server-busy = waktu prosesor (100 % berarti satu prosesor)
page-user = waktu pengguna per pesan
page-system = waktu sistem per pesan
page-memory = memori di akhir
page-memory-connection = memori per koneksi
page-memory-message = memori per pesan
page-settings = Pengaturan
page-service-name = layanan
page-address = alamat
page-active = yang aktif
page-depth = pesan di jalan pada tiap koneksi
page-pace = irama
page-closed = tiap balasan memicu pesan berikutnya (loop tertutup)
page-even = jarak rata
page-sizes = ukuran pesan
page-per-connection = pesan per koneksi, lalu sambung ulang
page-ramp-up = membuka koneksi selama
page-length = lama satu putaran
page-messages = jumlah pesan
page-until = sampai diketahui sebatas (putaran paling banyak)
page-reply-timeout = balasan dianggap hilang setelah
page-connect-timeout = menyambung dianggap gagal setelah
page-pin = dipasang pada prosesor
page-io-asked = panggilan sistem yang diminta
page-seed = benih acak
page-machine = Komputer
page-processor = prosesor
page-processors = jumlah prosesor
page-memory-all = memori
page-system-name = sistem
page-kernel = kernel sistem
page-load = beban rerata sebelumnya
page-path = jalan ke server
page-started = dimulai
page-tool = diukur dengan
page-command = Untuk mengulanginya
page-evidence = Semua angka sebagai JSON
page-evidence-cut = Selang-selang waktu dihilangkan di sini karena banyak; --json memuat semuanya.

## Halaman hasil skenario

check-page-cases = Semua kasus
check-page-cases-about = Buka satu untuk melihat garis waktunya, setiap harapan dan apa yang terlihat, bukti gangguannya, dan apa yang ditulis tiap program.
check-page-nothing = Tidak ada yang dijalankan
check-page-all-passed = { $count ->
   *[other] Semua { $count } kasus yang dijalankan lulus
 }
check-page-some-failed = { $count } dari { $all } kasus tidak lulus
check-page-killed = Proses ini dimatikan paksa: inilah yang terlihat sampai saat itu.
check-page-interrupted = Proses ini dihentikan: kasus yang belum mulai tidak dijalankan.
check-page-fail = Ada yang harus terpenuhi tetapi tidak terpenuhi.
check-page-doubt = Tidak ada yang gagal, tetapi tidak semuanya terbukti: yang tidak sah atau tidak diketahui tidak membuktikan apa pun.
check-page-skips = Semua yang dijalankan terpenuhi; sebagian kasus tidak dapat dijalankan di sini.
check-page-pass = Semuanya terpenuhi, setiap gangguan benar-benar terjadi, dan setiap harapan terbukti dapat gagal.
check-page-expectations = harapan; { $tried } bentuk salahnya dicoba
check-page-faults-proved = gangguan terbukti
check-page-troubles = Yang tidak lulus
check-page-more = dan { $count } lagi, lihat di bawah
check-page-expected = diharapkan
check-page-got = terlihat
check-page-place = ditulis di
check-page-machine = komputer
check-page-kernel = kernel Linux
check-page-processors = prosesor
check-page-rights = hak
check-page-root = hak root
check-page-user = pengguna biasa
check-page-duration = lama
check-page-seed = benih acak
check-page-command = perintah
check-page-run = Proses ini
check-page-evidence = Bukti: { $count ->
   *[other] { $count } berkas
 }
check-page-evidence-about = Ukuran dalam byte dan SHA-256 setiap berkas di samping halaman ini.
check-page-matrix = Skenario dan host
check-page-scenario = skenario
check-page-verdicts = kasus
check-page-hosts = host
check-page-timeline = Garis waktu
check-page-more-steps = { $count } langkah lagi ada di run.json
check-page-shaded = Diarsir: ada gangguan.
check-page-from-to = { $from } s sampai { $to } s
check-page-step = langkah
check-page-mutations = bentuk salah yang gagal
check-page-line = baris
check-page-checks = Harapan
check-page-rest = Selebihnya ada di run.json.
check-page-fault = gangguan
check-page-where = di mana
check-page-proved = terbukti
check-page-proof = buktinya
check-page-faults = Gangguan
check-page-yes = ya
check-page-no = tidak
check-page-latency = Waktu balasan dan koneksi
check-page-latency-about = Lamanya masing-masing menurut klien; diarsir selama ada gangguan.
check-page-seconds = detik setelah kasus mulai
check-page-latency-axis = waktu
check-page-connection = koneksi
check-page-up = klien ke server, byte
check-page-down = server ke klien, byte
check-page-closed = ditutup
check-page-agrees = kedua ujung sepakat
check-page-connections = Koneksi, menurut kedua ujung
check-page-flow = dikirim { $sent } = diterima { $received } + hilang { $lost }
check-page-same-hash = hash sama
check-page-other-hash = hash lain
check-page-path = dari, ke
check-page-interface = antarmuka
check-page-mtu = paket terbesar (MTU)
check-page-packets = paket
check-page-paths = Jalur
check-page-transcripts = Yang ditulis program
check-page-exit = keluar { $code }
check-page-signal = diakhiri SIG{ $name }
check-page-stdout = keluaran standar
check-page-stderr = galat standar
check-page-bytes = { $name }: { $bytes } B
check-page-events = { $count } peristiwa

# Yang dicatat klien dan server, dan sesi yang disimpan sebagai skenario.
serve-log-hashes = dengan --log: hash dari isi tiap koneksi
connect-log = tambahkan baris JSON tentang yang terjadi ke FILE
connect-save = tulis sesi ini ke FILE, untuk colok check
value-log-file = harus json:FILE; keluaran standar adalah untuk jawaban server
only-log = opsi ini menambahkan hash ke log JSON
save-title = percakapan dengan { $address }
save-title-failed = tidak ada koneksi ke { $address }
save-about =
    Ditulis oleh colok connect --save. Untuk mengulangi percakapan yang sama:
    colok check { $file }
save-same-address = Alamatnya sama, jadi server harus berjalan di sana.
save-server =
    Agar skenario menjalankan server itu sendiri, tulis langkah seperti ini sebelum yang
    pertama, dan { $placeholder } sebagai alamat di sana dan di bawah:
save-done = tersimpan; untuk mengulanginya: colok check { $file }
save-exists-why = sesi tidak pernah ditulis di atas sesuatu yang lain
save-cut-what = sesi terlalu panjang untuk disimpan
save-cut-why = paling banyak { $limit } disimpan, dan tiap teks harus muat sebagai argumen program

## Bantuan colok check.

check-about = Jalankan skenario, rusak dengan sengaja, nilai, simpan buktinya.
check-scenario = berkas, folder, nama bawaan (tanpa ini: semua bawaan)
check-only = bagian nama kasus; atau dengan * dan ?, atau tag
check-repeat = jalankan tiap kasus sekian kali
check-seed = ulangi pilihan acak yang sama
check-jobs = kasus serentak (bawaan: inti CPU, minimal 2)
check-keep = simpan bukti di DIR (bawaan colok-check/WAKTU)
check-recover = buat catatan dari putaran yang terbunuh
check-list = daftar skenario dan kasus; tanpa menjalankan
check-dry-run = yang akan dilakukan, per langkah; tanpa menjalankan
check-no-skip = kasus terlewati berarti tak terbukti (kode keluar 5)
check-faults-off = tanpa gangguan: yang butuh gangguan harus tidak sah
check-schema = cetak skema JSON berkas skenario
check-run-schema = cetak skema JSON dari run.json
check-json = cetak satu objek JSON, apa pun akhirnya
check-quiet = tampilkan ringkasan saja, tanpa kemajuan
check-footer =
    Contoh: colok check my.toml echo --only '*tcp*' --repeat 5 --keep bukti

## Skenario yang tidak dapat dijalankan.

check-only-empty = harus berupa pola, misalnya echo-quit, 'udp-*', atau tag
check-no-scenario = { $name }: tidak ada berkas maupun skenario bawaan dengan nama itu
check-no-scenario-why = skenario adalah berkas .toml, folder berisi berkas itu, atau nama skenario bawaan
check-no-case = --only: tidak ada kasus yang cocok dengan { $patterns }
check-file-problems =
    { $count ->
       *[other] { $count } kesalahan di berkas skenario; tidak ada yang dijalankan
    }
check-recover-no-run = folder putaran yang terbunuh memuat run.jsonl
check-recover-nothing = { $file }: belum ada yang tercatat sebelum putaran terbunuh

## Putusan, dan yang diceritakan tentang putaran.

check-pass = lulus
check-fail = gagal
check-invalid = tidak sah
check-unknown = tidak diketahui
check-skipped = dilewati
check-cases =
    { $count ->
       *[other] { $count } kasus
    }
check-of-cases = { $some } dari { $cases }
check-stop = Ctrl-C menghentikan; catatannya tetap ditulis
check-left = kira-kira { $time } lagi
check-of-step = langkah { $step }: { $key }
check-cannot-fail = langkah { $step }: { $key } tidak bisa gagal: bentuk salahnya pun terpenuhi
check-expected = diharapkan
check-got = nyatanya
check-seen = terlihat
check-did = melakukan
check-fault-unproved = gangguan { $fault } ({ $place }) tidak terbukti
check-fault-never = tidak pernah dimulai
check-fault-nothing = tidak ada
check-path-unproved = jalan dari { $from } ke { $to } tidak terbukti
check-path-seen = antarmuka { $interface }, { $packets } paket
check-accounts = kedua ujung { $from } ke { $to } saling bertentangan
check-flow = { $sent } byte dikirim, { $received } diterima
check-step-error = langkah { $step } terganjal: { $error }
check-reason = { $step }: { $key } (baris { $line })
check-step-timed-out = langkah { $step }: waktunya habis
check-wrote = { $step } menulis ({ $stream }):
check-evidence = bukti:
check-keep-not-empty = bukti tidak pernah dicampur dengan yang lain: DIR harus baru atau kosong
check-alike = sama halnya: { $cases }
check-more-cases = { $cases } lagi tidak lulus; report.html memuat semuanya
check-interrupted = Putaran dihentikan: tidak semua kasus dijalankan.
check-killed = Putaran terbunuh: tidak semua kasus dijalankan.
check-totals = { $cases } dalam { $time }: { $totals }
check-where = laporan: { $page } (benih acak { $seed })
check-repeat-these = untuk mengulangi yang tidak lulus: { $command }

## Daftar dan rencana skenario.

check-listed =
    { $count ->
       *[other] { $count } skenario, { $cases }
    }
check-dry-run-end = { $cases }; tidak ada yang dijalankan
check-dry-run-skips = { $cases }, { $skipped } di antaranya akan dilewati; tidak ada yang dijalankan
check-expects-nothing = tidak mengharapkan apa-apa, jadi tidak akan sah
check-hosts = host:
check-fault-word = gangguan
check-expects = mengharapkan { $keys }

## Laporan putaran skenario untuk tiket.

check-head-verdict = putusan
check-head-scenario = skenario
check-head-cases = kasus
check-head-time = waktu
check-not-passed = Yang tidak lulus
check-not-run = Yang dilewati, dan sebabnya
check-this-run = Putaran ini
check-seed-word = benih acak
check-machine = { $name }, kernel { $kernel }, { $processors } prosesor, { $user }
check-as-root = sebagai root
check-as-user = sebagai pengguna biasa
check-fact-tool = versi program
check-fact-machine = komputer
check-fact-started = dimulai
check-fact-time = lamanya
check-fact-seed = benih acak
check-fact-command = perintah
check-fact-repeat = untuk mengulangi yang tidak lulus

## colok relay.

relay-about = Teruskan lalu lintas ke suatu alamat, dan rusak dengan sengaja.
relay-listen = tempat klien datang: tcp://localhost:5002, udp://..., unix:...
relay-to = tujuan terusannya, lewat transport yang sama
relay-fault = lakukan ini pada lalu lintas; ulangi bila lebih dari satu
relay-seed = penentu semua yang acak (bawaan 0)
relay-control = terima perintah di socket ini: gangguan lain, hitungan
relay-log = tambahkan baris JSON ke FILE (-: stdout)
relay-quiet = hanya cetak galat
relay-verbose = juga satu baris untuk setiap tujuan yang tercapai
relay-footer =
    Gangguan: delay=50ms jitter=10ms, rate=100K, chunk=10, cut=N, reset=N,
      half_close=N, black_hole=N, corrupt=N, fail_first=N; datagram: lose=3,7,
      duplicate=10%, reorder=5. Pada tiap-tiapnya: direction=up|down,
      connections=1-3.
    Contoh: colok relay 5002 localhost:5001 -f 'cut=1000 direction=down'
relay-transports = { $from } tidak dapat diteruskan ke { $to }
relay-to-itself = LISTEN dan TARGET alamat yang sama: relai akan menjadi kliennya sendiri
value-unix = alamat socket Unix: unix:/tmp/relay.sock
value-fault = misalnya --fault 'delay=50ms direction=up', --fault cut=1000
relay-title = colok meneruskan:
relay-target = tujuan
relay-does = gangguan: { $fault }
relay-listens-to = perintah diterima di { $address }
relay-reached = { $target } tercapai
relay-closed = ditutup setelah { $duration }: { $reason }, oleh { $by } ({ $up } B naik, { $down } B turun)
relay-faults-now = gangguan mulai sekarang: { $faults }
relay-faults-none = tanpa gangguan mulai sekarang
relay-totals = berhenti: { $connections } koneksi, { $up } B naik, { $down } B turun, { $refused } ditolak
relay-applied = {"  "}{ $fault }: diterapkan { $applied }
