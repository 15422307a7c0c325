//! `--proto-path`: Protocol Buffers files, compiled to descriptors for the parsers that ask for them.
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use protox::{Compiler, prost_reflect::DescriptorPool};
use store::Config;

use crate::{
    arguments::Protos,
    exit::{Code, Failure},
};

/// One serialized FileDescriptorSet, complete with its imports, for each path: those of the command line, else those of
/// keploy.yml.
pub(crate) fn descriptors(protos: Protos, config: &Config) -> Result<Vec<Vec<u8>>, Failure> {
    let Protos { mut proto_path, mut proto_include } = protos;
    if proto_path.is_empty() {
        let named = [&config.test.proto_file, &config.test.proto_dir].into_iter();
        proto_path = named.filter(|path| !path.as_os_str().is_empty()).cloned().collect();
    }
    proto_include.extend(config.test.proto_include.iter().cloned());
    proto_path.iter().map(|path| of(path, &proto_include)).collect()
}

fn of(path: &Path, includes: &[PathBuf]) -> Result<Vec<u8>, Failure> {
    let metadata = std::fs::metadata(path);
    let metadata = metadata.map_err(|error| Failure::words(Code::Usage, format!("{}: {error}", path.display())))?;
    if metadata.is_dir() {
        let mut files = Vec::new();
        find(path, &mut files)?;
        if files.is_empty() {
            let words = format!("{}: there is no .proto file in it", path.display());
            return Err(Failure::words(Code::Usage, words));
        }
        return compile(&files, includes, path);
    }
    if path.extension().is_some_and(|extension| extension == "proto") {
        let beside = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        return compile(&[path.to_owned()], includes, beside);
    }
    let bytes = fs_err::read(path)?;
    match DescriptorPool::decode(&*bytes) {
        Ok(_) => Ok(bytes),
        Err(error) => Err(Failure::words(
            Code::Usage,
            format!(
                "{}: it is no .proto file and no descriptor set: {error}\nhint: `protoc --include_imports --descriptor_set_out=FILE *.proto` makes one",
                path.display()
            ),
        )),
    }
}

/// In order of their names: the same files make the same descriptors.
fn find(directory: &Path, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let entries = fs_err::read_dir(directory)?.collect::<std::io::Result<Vec<_>>>();
    let mut paths: Vec<PathBuf> = entries.context("reading a directory")?.iter().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        // A link to a directory may lead back up.
        if path.is_dir() && !path.is_symlink() {
            find(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            files.push(path);
        }
    }
    Ok(())
}

/// `root`: where imports are looked for at last.
fn compile(files: &[PathBuf], includes: &[PathBuf], root: &Path) -> Result<Vec<u8>, Failure> {
    let fail = |file: &Path, error: protox::Error| {
        // With the place, in the form FILE:LINE:COLUMN.
        let place = format!("{error:?}");
        let hint = match error.is_file_not_found() {
            true => "\nhint: --proto-include DIR says where imports are looked for",
            false => "",
        };
        Failure::words(Code::Usage, format!("{}: {place}{hint}", file.display()))
    };
    let roots = includes.iter().map(PathBuf::as_path).chain([root]);
    let mut compiler = Compiler::new(roots).map_err(|error| fail(root, error))?;
    compiler.include_imports(true);
    for file in files {
        compiler.open_file(file).map_err(|error| fail(file, error))?;
    }
    Ok(compiler.encode_file_descriptor_set())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of its own with these files, and what comes of compiling a path in it.
    fn compiled(files: &[(&str, &str)], path: &str, includes: &[&str]) -> Result<DescriptorPool, String> {
        let folder = tempfile::tempdir().expect("there is room");
        for (name, text) in files {
            let file = folder.path().join(name);
            fs_err::create_dir_all(file.parent().expect("the folder")).expect("it is ours");
            fs_err::write(file, text).expect("it is ours");
        }
        let protos = Protos {
            proto_path: vec![folder.path().join(path)],
            proto_include: includes.iter().map(|include| folder.path().join(include)).collect(),
        };
        let failure =
            |failure: Failure| failure.error.to_string().replace(&folder.path().display().to_string(), "HERE");
        let sets = descriptors(protos, &Config::default()).map_err(failure)?;
        let [set] = &sets[..] else { panic!("{} sets", sets.len()) };
        Ok(DescriptorPool::decode(&**set).expect("it is complete"))
    }

    const ITEM: (&str, &str) =
        ("shop/item.proto", "syntax = \"proto3\"; package shop; message Item { string name = 1; }");
    const SHOP: (&str, &str) = (
        "shop/api/shop.proto",
        "syntax = \"proto3\"; package shop; import \"shop/item.proto\"; import \"google/protobuf/empty.proto\";\n\
         service Shop { rpc Any(google.protobuf.Empty) returns (Item); }",
    );

    #[test]
    fn a_directory_a_file_and_a_set() {
        let methods = |pool: DescriptorPool| -> Vec<String> {
            pool.services()
                .flat_map(|service| service.methods().collect::<Vec<_>>())
                .map(|m| m.full_name().to_owned())
                .collect()
        };
        for (path, includes) in [(".", &[][..]), ("shop/api/shop.proto", &["."])] {
            assert_eq!(methods(compiled(&[ITEM, SHOP], path, includes).expect("sound")), ["shop.Shop.Any"], "{path}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let broken = ("a.proto", "syntax = \"proto3\";\nmessage {");
        let wrong = [
            compiled(&[broken], "a.proto", &[]),
            compiled(&[SHOP, ITEM], "shop/api/shop.proto", &[]),
            compiled(&[], "none.proto", &[]),
            compiled(&[("README.md", "")], ".", &[]),
            compiled(&[("set.pb", "text")], "set.pb", &[]),
        ];
        let said: Vec<String> = wrong.into_iter().map(|wrong| wrong.expect_err("it is wrong")).collect();
        let expected = [
            "HERE/a.proto: a.proto:2:9: expected an identifier, but found '{'",
            "HERE/shop/api/shop.proto: shop.proto:1:34: import 'shop/item.proto' not found\n\
             hint: --proto-include DIR says where imports are looked for",
            "HERE/none.proto: No such file or directory (os error 2)",
            "HERE/.: there is no .proto file in it",
            "HERE/set.pb: it is no .proto file and no descriptor set: failed to decode file descriptor set\n\
             hint: `protoc --include_imports --descriptor_set_out=FILE *.proto` makes one",
        ];
        assert_eq!(said, expected);
    }
}
