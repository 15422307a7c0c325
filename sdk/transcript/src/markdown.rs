//! Markdown, as much of it as a transcript needs: headings and fenced blocks.

/// A fenced block and where it stands.
#[derive(Clone, Debug)]
pub struct Block {
    /// The info string's words: the block's name first.
    pub words: Vec<String>,
    /// The index of the first line inside the fence, from 0; `lines.len()` lines belong to the block.
    pub start: usize,
    pub lines: Vec<String>,
    /// The fence, for writing a block like it.
    pub fence: String,
}

#[derive(Clone, Debug)]
pub struct Section {
    pub heading: String,
    /// From 1, as editors count.
    pub line: usize,
    pub blocks: Vec<Block>,
}

/// The sections that hold blocks.
pub fn sections(text: &str) -> Result<Vec<Section>, String> {
    let mut sections = vec![Section { heading: String::new(), line: 1, blocks: Vec::new() }];
    let mut open: Option<Block> = None;
    for (index, line) in text.lines().enumerate() {
        match &mut open {
            Some(block) if line.trim_end() == block.fence => {
                let section = sections.last_mut().expect("starts with one, and none is removed");
                section.blocks.extend(open.take());
            }
            Some(block) => block.lines.push(line.to_owned()),
            None if line.starts_with("```") => {
                let fence: String = line.chars().take_while(|c| *c == '`').collect();
                let words = line[fence.len()..].split_whitespace().map(str::to_owned).collect();
                open = Some(Block { words, start: index + 1, lines: Vec::new(), fence });
            }
            None if line.starts_with('#') => {
                let heading = line.trim_start_matches('#').trim().to_owned();
                sections.push(Section { heading, line: index + 1, blocks: Vec::new() });
            }
            None => {}
        }
    }
    if let Some(block) = open {
        return Err(format!("line {}: this block is not closed", block.start));
    }
    sections.retain(|section| !section.blocks.is_empty());
    Ok(sections)
}
