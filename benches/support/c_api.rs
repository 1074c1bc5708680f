//! karrow through its C ABI, out of a file, as far as a benchmark needs it to read a topic of JSON.

use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr;

use arrow_array::RecordBatch;
use arrow_array::ffi_stream::{FFI_ArrowArrayStream, RecordBatchStreamReader};

/// Every handle is a pointer to something that only the library knows.
type Handle = *mut c_void;
/// Where a call leaves its error.
type Failure = *mut Handle;
type Text = *const c_char;
type Status = i32;

const SEEK_TO_BEGINNING: i64 = -1;
const ALL_PARTITIONS: i32 = -1;
const SIDES: [i32; 2] = [0, 1];

/// The functions that are used, by their names without the prefix.
macro_rules! library {
    ($($name:ident: fn($($argument:ty),*) $(-> $result:ty)?;)*) => {
        pub struct Library {
            $($name: unsafe extern "C" fn($($argument),*) $(-> $result)?,)*
        }

        impl Library {
            /// The functions of a file, which is never unloaded.
            fn load(path: &CStr) -> Library {
                // SAFETY: what the library does when it is loaded is its own affair.
                let library = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
                assert!(!library.is_null(), "cannot load {path:?}");
                let symbol = |name: &str| {
                    let name = CString::new(name).expect("names have no NUL");
                    // SAFETY: the library is loaded.
                    let symbol = unsafe { libc::dlsym(library, name.as_ptr()) };
                    assert!(!symbol.is_null(), "{path:?} has no {name:?}");
                    symbol
                };
                Library {
                    // SAFETY: the header has a function of this name and type.
                    $($name: unsafe {
                        std::mem::transmute::<*mut c_void, unsafe extern "C" fn($($argument),*) $(-> $result)?>(
                            symbol(concat!("karrow_", stringify!($name))),
                        )
                    },)*
                }
            }
        }
    };
}

library! {
    error_message: fn(Handle) -> Text;
    spec_new_ignore: fn(*mut Handle, Failure) -> Status;
    spec_new_json: fn(*mut Handle, Failure) -> Status;
    spec_add_column: fn(Handle, Text, Text, Failure) -> Status;
    spec_free: fn(Handle);
    options_new: fn(Text, *mut Handle, Failure) -> Status;
    options_set: fn(Handle, Text, Text, Failure) -> Status;
    options_set_start_offset: fn(Handle, i32, i64, Failure) -> Status;
    options_set_spec: fn(Handle, i32, Handle, Failure) -> Status;
    options_free: fn(Handle);
    consumer_new: fn(Handle, *mut Handle, Failure) -> Status;
    consumer_open: fn(Handle, i64, Failure) -> Status;
    consumer_poll: fn(Handle, i64, *mut i64, *mut i32, *mut Handle, Failure) -> Status;
    consumer_free: fn(Handle);
    snapshot_partition_count: fn(Handle) -> usize;
    snapshot_partition_at: fn(Handle, usize, *mut i32, Failure) -> Status;
    snapshot_rows: fn(Handle, i32, *mut i64, *mut i64, Failure) -> Status;
    snapshot_export_stream: fn(Handle, i32, i64, i64, *mut FFI_ArrowArrayStream, Failure) -> Status;
    snapshot_free: fn(Handle);
}

impl Library {
    /// That which cargo has built for this program: it lies beside it.
    pub fn beside_this_program() -> Library {
        let program = std::env::current_exe().expect("the system knows what it runs");
        let path = program.with_file_name(format!("libkarrow{}", std::env::consts::DLL_SUFFIX));
        Library::load(&CString::new(path.to_str().expect("its path is text")).expect("paths have no NUL"))
    }

    /// Makes a call, which must not fail; else its own words are shown.
    fn call(&self, call: impl FnOnce(Failure) -> Status) {
        let mut error = ptr::null_mut();
        if call(&raw mut error) != 0 {
            // SAFETY: a call that has failed hands out an error, whose message is a text.
            panic!("{}", unsafe { CStr::from_ptr((self.error_message)(error)) }.to_string_lossy());
        }
    }

    /// A consumer of JSON with these columns, from the beginning on, into a blink table.
    pub fn open(&self, servers: &str, topic: &str, columns: &[(String, &'static str)]) -> Consumer<'_> {
        let text = |text: &str| CString::new(text).expect("names have no NUL");
        let (topic, servers) = (text(topic), text(servers));
        let mut specs = [ptr::null_mut(), ptr::null_mut()];
        let (mut options, mut consumer) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: handles are alive until they are freed here, texts are texts, and outputs are there.
        unsafe {
            self.call(|error| (self.spec_new_ignore)(&raw mut specs[0], error));
            self.call(|error| (self.spec_new_json)(&raw mut specs[1], error));
            for (name, kind) in columns {
                let (name, kind) = (text(name), text(kind));
                self.call(|error| (self.spec_add_column)(specs[1], name.as_ptr(), kind.as_ptr(), error));
            }
            self.call(|error| (self.options_new)(topic.as_ptr(), &raw mut options, error));
            self.call(|error| (self.options_set)(options, c"bootstrap.servers".as_ptr(), servers.as_ptr(), error));
            self.call(|error| (self.options_set_start_offset)(options, ALL_PARTITIONS, SEEK_TO_BEGINNING, error));
            for (side, spec) in SIDES.into_iter().zip(specs) {
                self.call(|error| (self.options_set_spec)(options, side, spec, error));
                (self.spec_free)(spec);
            }
            self.call(|error| (self.consumer_new)(options, &raw mut consumer, error));
            (self.options_free)(options);
            self.call(|error| (self.consumer_open)(consumer, 60_000, error));
        }
        Consumer { library: self, handle: consumer }
    }
}

/// An open consumer, closed and freed when it is dropped.
pub struct Consumer<'a> {
    library: &'a Library,
    handle: Handle,
}

impl Consumer<'_> {
    /// How many rows have come, and the cycle's snapshot.
    pub fn poll(&self, timeout_ms: i64) -> (i64, Snapshot<'_>) {
        let (mut rows, mut snapshot) = (0, ptr::null_mut());
        let poll = self.library.consumer_poll;
        // SAFETY: the consumer is alive, and the outputs are there or not asked for.
        self.library.call(|error| unsafe {
            poll(self.handle, timeout_ms, &raw mut rows, ptr::null_mut(), &raw mut snapshot, error)
        });
        (rows, Snapshot { library: self.library, handle: snapshot })
    }
}

impl Drop for Consumer<'_> {
    fn drop(&mut self) {
        // SAFETY: nobody else uses the consumer, and nobody will.
        unsafe { (self.library.consumer_free)(self.handle) };
    }
}

/// A snapshot, freed when it is dropped.
pub struct Snapshot<'a> {
    library: &'a Library,
    handle: Handle,
}

impl Snapshot<'_> {
    /// All batches, partition by partition, each through a stream of its own.
    pub fn batches(&self) -> impl Iterator<Item = RecordBatch> + '_ {
        // SAFETY: the snapshot is alive.
        let partitions = unsafe { (self.library.snapshot_partition_count)(self.handle) };
        (0..partitions).flat_map(|index| self.stream(index).map(|batch| batch.expect("the table is in memory")))
    }

    fn stream(&self, index: usize) -> RecordBatchStreamReader {
        let (library, snapshot) = (self.library, self.handle);
        let (mut partition, mut first_row, mut stream) = (0, 0, FFI_ArrowArrayStream::empty());
        // SAFETY: the snapshot is alive, and the outputs are there or not asked for.
        unsafe {
            library.call(|error| (library.snapshot_partition_at)(snapshot, index, &raw mut partition, error));
            let rows = library.snapshot_rows;
            library.call(|error| rows(snapshot, partition, &raw mut first_row, ptr::null_mut(), error));
            let export = library.snapshot_export_stream;
            library.call(|error| export(snapshot, partition, first_row, -1, &raw mut stream, error));
        }
        RecordBatchStreamReader::try_new(stream).expect("it is a stream of batches")
    }
}

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        // SAFETY: nobody else uses the snapshot, and nobody will.
        unsafe { (self.library.snapshot_free)(self.handle) };
    }
}
