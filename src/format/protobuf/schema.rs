//! Files of Protobuf, and what they make together: protox compiles texts, prost-reflect ties descriptors to each other.
//!
//! A file is known by the name that others import it by. Those of `google/protobuf` are built in; every other one is given,
//! by the caller or by a registry.

use std::collections::{BTreeMap, VecDeque};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use prost::Message;
use prost_reflect::prost_types::{FileDescriptorProto, FileDescriptorSet};
use prost_reflect::{DescriptorPool, FileDescriptor, MessageDescriptor};
use protox::file::{File, FileResolver, GoogleFileResolver};

use crate::registry::{self, Reference, SchemaKind};

/// How long a chain of imports may be.
const MAX_IMPORTS: usize = 64;

/// What to say of files in a later language.
pub const HINT: &str = "; what can be read is proto2 and proto3";

/// How many names an error lists.
const MAX_LISTED: usize = 8;

/// What a file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// As its author wrote it.
    Text(String),
    /// As a serialized `FileDescriptorProto`.
    Descriptor(Vec<u8>),
}

impl Content {
    /// What a registry has for a file: text, or a descriptor in base64.
    pub fn of(schema: &str) -> Result<Content, String> {
        // No text of a file is without blanks or punctuation, but for the empty one.
        match STANDARD.decode(schema.trim()) {
            Ok(bytes) if !bytes.is_empty() => match FileDescriptorProto::decode(bytes.as_slice()) {
                Ok(_) => Ok(Content::Descriptor(bytes)),
                Err(_) => Err("it is neither a file of Protobuf nor a descriptor of one in base64".to_owned()),
            },
            _ => Ok(Content::Text(schema.to_owned())),
        }
    }

    /// What it says, with nothing yet known of what it imports. Errors say where.
    pub fn parse(&self, name: &str) -> Result<FileDescriptorProto, String> {
        let descriptor = match self {
            Content::Text(text) => match File::from_source(name, text) {
                Ok(file) => FileDescriptorProto::from(file),
                Err(error) => {
                    let hint = if error.to_string().ends_with("found 'edition'") { HINT } else { "" };
                    return Err(placed(name, &format!("{error:?}")) + hint);
                }
            },
            Content::Descriptor(bytes) => {
                let mut descriptor = FileDescriptorProto::decode(bytes.as_slice())
                    .map_err(|error| format!("{name} is no descriptor of a file: {error}"))?;
                descriptor.name = Some(name.to_owned());
                descriptor
            }
        };
        match descriptor.syntax() {
            "" | "proto2" | "proto3" => Ok(descriptor),
            other => Err(format!("{name} is written in '{other}'{HINT}")),
        }
    }
}

/// Files by the names that they are imported by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files(BTreeMap<String, Content>);

impl Files {
    /// One file, under its name.
    pub fn one(name: &str, content: Content) -> Files {
        Files(BTreeMap::from([(name.to_owned(), content)]))
    }

    /// Those of a serialized `FileDescriptorSet`, and the name of the last one.
    pub fn of_set(descriptors: &[u8]) -> Result<(Files, String), String> {
        let set = FileDescriptorSet::decode(descriptors)
            .map_err(|error| format!("they are no serialized FileDescriptorSet: {error}"))?;
        let Some(last) = set.file.last() else { return Err("there is no file among them".to_owned()) };
        let main = last.name().to_owned();
        let mut files = Files::default();
        for file in set.file {
            let name = file.name().to_owned();
            if files.0.insert(name.clone(), Content::Descriptor(file.encode_to_vec())).is_some() {
                return Err(format!("there are two files named {name} among them"));
            }
        }
        Ok((files, main))
    }

    /// A schema that a registry has, under this name, and everything that it refers to.
    pub fn of_registry(schema: &registry::Schema, name: &str) -> Result<Files, String> {
        schema.check_kind(SchemaKind::Protobuf)?;
        let mut files = Files::one(name, Content::of(&schema.text)?);
        let mut found: BTreeMap<&str, &Reference> = BTreeMap::new();
        // Those that the schema refers to itself come first.
        let mut references: VecDeque<&Reference> = schema.references.iter().collect();
        while let Some(reference) = references.pop_front() {
            let known = found.get(reference.name.as_str());
            match known {
                Some(known) if known.subject != reference.subject && known.schema.text != reference.schema.text => {
                    return Err(format!(
                        "what it refers to has two files named {}, of the subjects {} and {}",
                        reference.name, known.subject, reference.subject
                    ));
                }
                // One file can be there only once, and each version can be read as those before it.
                Some(known) if known.subject != reference.subject || known.version >= reference.version => continue,
                _ => {}
            }
            found.insert(&reference.name, reference);
            references.extend(&reference.schema.references);
        }
        for (import, reference) in found {
            let content = reference.schema.check_kind(SchemaKind::Protobuf);
            let content = content.and_then(|()| Content::of(&reference.schema.text));
            let content = content.map_err(|reason| format!("it refers to {import}: {reason}"))?;
            if import != name {
                files.add(import, content);
            }
        }
        Ok(files)
    }

    /// Whether there is a file of this name that says something else.
    pub fn has_other(&self, name: &str, content: &Content) -> bool {
        self.0.get(name).is_some_and(|earlier| earlier != content)
    }

    /// Adds a file, unless it is built in.
    pub fn add(&mut self, name: &str, content: Content) {
        if built_in(name).is_none() {
            self.0.insert(name.to_owned(), content);
        }
    }

    /// Adds those of others whose names are not taken.
    pub fn extend(&mut self, others: &Files) {
        for (name, content) in &others.0 {
            self.0.entry(name.clone()).or_insert_with(|| content.clone());
        }
    }

    /// The file of this name, tied to everything that it imports.
    pub fn compile(&self, name: &str) -> Result<FileDescriptor, String> {
        let mut compiler = Compiler { files: self, pool: DescriptorPool::new(), inside: Vec::new() };
        compiler.add(name)?;
        compiler.pool.get_file_by_name(name).ok_or_else(|| format!("there is no file {name}"))
    }
}

/// A file that needs not be given.
fn built_in(name: &str) -> Option<FileDescriptorProto> {
    GoogleFileResolver::new().open_file(name).ok().map(FileDescriptorProto::from)
}

struct Compiler<'f> {
    files: &'f Files,
    pool: DescriptorPool,
    /// The files that are being added, each imported by the one before.
    inside: Vec<String>,
}

impl Compiler<'_> {
    /// Adds a file behind those that it imports.
    fn add(&mut self, name: &str) -> Result<(), String> {
        if self.pool.get_file_by_name(name).is_some() {
            return Ok(());
        }
        if self.inside.iter().any(|outer| outer == name) {
            return Err(format!("{name} imports itself, by way of {}", self.inside.join(", ")));
        }
        if self.inside.len() > MAX_IMPORTS {
            return Err(format!("its imports import others more than {MAX_IMPORTS} times over"));
        }
        // What a set of descriptors has of `google/protobuf` may be newer than what is built in.
        let content = self.files.0.get(name);
        let descriptor = match content {
            Some(content) => content.parse(name)?,
            None => built_in(name).ok_or_else(|| {
                let importer = self.inside.last().map_or("", String::as_str);
                format!("{importer} imports {name}, and there is no such file; add it with karrow_spec_add_file")
            })?,
        };
        self.inside.push(name.to_owned());
        for import in &descriptor.dependency {
            self.add(import)?;
        }
        self.inside.pop();
        self.pool.add_file_descriptor_proto(descriptor).map_err(|error| {
            let error = match content {
                Some(Content::Text(text)) => error.with_source_code(text),
                _ => error,
            };
            placed(name, &format!("{error:?}"))
        })
    }
}

/// What is wrong with a file, as it is shown to programmers: only that says where, if it is at a place at all.
fn placed(name: &str, error: &str) -> String {
    if error.starts_with(name) { error.to_owned() } else { format!("{name}: {error}") }
}

/// The message of this name, full or within the file's package; without one the first of the file.
pub fn message(file: &FileDescriptor, name: Option<&str>) -> Result<MessageDescriptor, String> {
    let Some(name) = name else {
        return file.messages().next().ok_or_else(|| format!("{} has no message", file.name()));
    };
    let pool = file.parent_pool();
    let within = format!("{}.{name}", file.package_name());
    let found = pool.get_message_by_name(name).or_else(|| pool.get_message_by_name(&within));
    found.filter(|message| !message.is_map_entry()).ok_or_else(|| {
        let mut all: Vec<MessageDescriptor> = file.messages().collect();
        let mut index = 0;
        while index < all.len() && all.len() <= MAX_LISTED {
            let inside: Vec<_> = all[index].child_messages().filter(|inside| !inside.is_map_entry()).collect();
            all.extend(inside);
            index += 1;
        }
        let all: Vec<String> = all.iter().map(|message| message.full_name().to_owned()).collect();
        format!("there is no message {name}; {} has {}", file.name(), listed(&all, "none at all"))
    })
}

/// The first few of these, or what to say if there are none.
pub fn listed(all: &[String], none: &str) -> String {
    match all.get(..MAX_LISTED) {
        _ if all.is_empty() => none.to_owned(),
        Some(first) if all.len() > MAX_LISTED => format!("{}, ...", first.join(", ")),
        _ => all.join(", "),
    }
}

/// The place of a message in its file: that of the outermost message, and of each inside the one before.
pub fn place_of(message: &MessageDescriptor) -> Vec<u32> {
    // A descriptor's path has the number of the field that holds messages in front of each place.
    message.path().iter().skip(1).step_by(2).filter_map(|place| u32::try_from(*place).ok()).collect()
}

/// The message at a place.
pub fn message_at(file: &FileDescriptor, place: &[u32]) -> Option<MessageDescriptor> {
    let nth = |place: &u32| usize::try_from(*place).ok();
    let (outer, inner) = place.split_first()?;
    let outer = file.messages().nth(nth(outer)?)?;
    inner.iter().try_fold(outer, |message, place| message.child_messages().nth(nth(place)?))
}
