//! Pictures: what they are and how large. Their bytes stay as they are.

use imagesize::ImageType;

use super::content::Content;

/// The picture that bytes are by their first ones. Formats that are recognised by less than that are left out.
pub(super) fn read(bytes: &[u8]) -> Option<Content> {
    let format = match imagesize::image_type(bytes).ok()? {
        ImageType::Png => "image/png",
        ImageType::Jpeg => "image/jpeg",
        ImageType::Gif => "image/gif",
        ImageType::Webp => "image/webp",
        ImageType::Bmp => "image/bmp",
        ImageType::Ico => "image/x-icon",
        ImageType::Tiff => "image/tiff",
        ImageType::Heif(imagesize::Compression::Av1) => "image/avif",
        ImageType::Heif(_) => "image/heic",
        ImageType::Jxl => "image/jxl",
        _ => return None,
    };
    let size = imagesize::blob_size(bytes).ok()?;
    Some(Content::Image {
        format: format.to_owned(),
        width: size.width as u64,
        height: size.height as u64,
    })
}
