use glasslink_glasses::Bitmap;
use glasslink_glasses::virtual_glasses::Lens;

/// The lenses of virtual glasses, side by side below each other, in characters.
pub(crate) fn draw(lenses: &[Lens]) -> String {
    let same =
        lenses.windows(2).all(|pair| pair[0].lines == pair[1].lines && pair[0].bitmap == pair[1].bitmap);
    let shown = if same { &lenses[..lenses.len().min(1)] } else { lenses };
    let boxes = shown.iter().map(|lens| {
        let name = if same && lenses.len() > 1 { "both lenses".to_owned() } else { lens.arm.to_string() };
        let lines = lens.bitmap.as_ref().map_or_else(|| lens.lines.clone(), picture);
        frame(&name, &lines)
    });
    boxes.collect::<Vec<_>>().join("\n")
}

fn frame(name: &str, lines: &[String]) -> String {
    let width = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0).max(name.len() + 2).max(40);
    let mut text = format!("╭─ {name} {}╮\n", "─".repeat(width - name.chars().count() - 1));
    for line in lines {
        text.extend(["│ ", line, &" ".repeat(width - line.chars().count()), " │\n"]);
    }
    text.extend(["╰", &"─".repeat(width + 2), "╯"]);
    text
}

/// Two by four pixels a Braille character.
fn picture(bitmap: &Bitmap) -> Vec<String> {
    const DOTS: [[u32; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];
    let rows: Vec<&[u8]> = bitmap.rows().collect();
    rows.chunks(4)
        .map(|band| {
            let width = band[0].len();
            (0..width)
                .step_by(2)
                .map(|x| {
                    let dots = band.iter().zip(DOTS).flat_map(|(row, dots)| {
                        let lit = |at: usize| row.get(x + at).is_some_and(|pixel| *pixel > 0);
                        [if lit(0) { dots[0] } else { 0 }, if lit(1) { dots[1] } else { 0 }]
                    });
                    char::from_u32(0x2800 + dots.sum::<u32>()).unwrap_or(' ')
                })
                .collect()
        })
        .collect()
}
