//! Charts, as SVG.

use std::path::Path;

use plotters::prelude::*;

use crate::program::Failure;

const SIZE: (u32, u32) = (860, 320);
const COLOURS: [RGBColor; 4] =
    [RGBColor(31, 119, 180), RGBColor(214, 39, 40), RGBColor(44, 160, 44), RGBColor(148, 103, 189)];

/// Values over time or over rank, and a horizontal line to compare them with.
pub struct Lines<'a> {
    pub title: &'a str,
    pub x: &'a str,
    pub y: &'a str,
    pub series: Vec<(String, Vec<(f64, f64)>)>,
    /// The name and the height of the horizontal line.
    pub limit: Option<(String, f64)>,
}

pub fn lines(path: &Path, chart: &Lines<'_>) -> Result<(), Failure> {
    let points = || chart.series.iter().flat_map(|(_, points)| points);
    let x_max = points().map(|point| point.0).fold(1.0, f64::max);
    let limit = chart.limit.as_ref().map_or(0.0, |(_, height)| *height);
    let y_max = points().map(|point| point.1).fold(limit, f64::max) * 1.15;
    let area = SVGBackend::new(path, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let mut context = ChartBuilder::on(&area)
        .caption(chart.title, ("sans-serif", 18))
        .margin(10)
        .x_label_area_size(36)
        .y_label_area_size(56)
        .build_cartesian_2d(0.0..x_max, 0.0..y_max)?;
    context.configure_mesh().x_desc(chart.x).y_desc(chart.y).light_line_style(WHITE).draw()?;
    for ((name, points), colour) in chart.series.iter().zip(COLOURS) {
        context
            .draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(2)))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour));
    }
    if let Some((name, height)) = &chart.limit {
        let colour = BLACK;
        context
            .draw_series(LineSeries::new(
                [(0.0, *height), (x_max, *height)],
                colour.stroke_width(1),
            ))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour));
    }
    context
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK.mix(0.2))
        .draw()?;
    area.present()?;
    Ok(())
}

/// One bar for each name, and a horizontal line to compare them with.
pub struct Bars<'a> {
    pub title: &'a str,
    pub y: &'a str,
    pub heights: Vec<(String, f64)>,
    pub limit: Option<f64>,
}

pub fn bars(path: &Path, chart: &Bars<'_>) -> Result<(), Failure> {
    let count = chart.heights.len();
    let highest = chart.heights.iter().map(|bar| bar.1).fold(chart.limit.unwrap_or(0.0), f64::max);
    let area = SVGBackend::new(path, (SIZE.0, SIZE.1 + 60)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut context = ChartBuilder::on(&area)
        .caption(chart.title, ("sans-serif", 18))
        .margin(10)
        .x_label_area_size(70)
        .y_label_area_size(56)
        .build_cartesian_2d(-0.5..count as f64 - 0.5, 0.0..highest * 1.1)?;
    let name_at = |x: &f64| {
        let nearest = x.round();
        let is_whole = (x - nearest).abs() < 0.01 && nearest >= 0.0;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a small index"
        )]
        let name = chart.heights.get(nearest as usize).filter(|_| is_whole);
        name.map_or(String::new(), |(name, _)| name.clone())
    };
    context
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(WHITE)
        .x_labels(count)
        .x_label_formatter(&name_at)
        .x_label_style(("sans-serif", 11))
        .y_desc(chart.y)
        .draw()?;
    context.draw_series(chart.heights.iter().enumerate().map(|(index, (_, height))| {
        let middle = index as f64;
        Rectangle::new([(middle - 0.35, 0.0), (middle + 0.35, *height)], COLOURS[0].filled())
    }))?;
    if let Some(limit) = chart.limit {
        let line = [(-0.5, limit), (count as f64 - 0.5, limit)];
        context.draw_series(LineSeries::new(line, COLOURS[1].stroke_width(2)))?;
    }
    area.present()?;
    Ok(())
}
