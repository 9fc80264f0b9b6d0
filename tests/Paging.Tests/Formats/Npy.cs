using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Paging.Tests.Formats;

/// <summary>Makes .npy files as NumPy does.</summary>
internal static class Npy
{
    public static byte[] File(string descr, string shape, ReadOnlySpan<byte> data, int major = 1, bool isFortran = false) =>
        Of($"{{'descr': {descr}, 'fortran_order': {(isFortran ? "True" : "False")}, 'shape': {shape}, }}", data, major);

    /// <summary>With a header of any text, padded so that the data is aligned.</summary>
    public static byte[] Of(string header, ReadOnlySpan<byte> data, int major = 1)
    {
        int prefix = major == 1 ? 10 : 12;
        byte[] text = (major == 3 ? Encoding.UTF8 : Encoding.Latin1).GetBytes(header);
        int length = ((prefix + text.Length + 1 + 63) & -64) - prefix;
        var file = new byte[prefix + length + data.Length];
        file[0] = 0x93;
        "NUMPY"u8.CopyTo(file.AsSpan(1));
        file[6] = (byte)major;
        file[7] = 0;
        if (major == 1)
            BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(8), (ushort)length);
        else
            BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(8), (uint)length);
        file.AsSpan(prefix, length).Fill((byte)' ');
        text.CopyTo(file.AsSpan(prefix));
        file[prefix + length - 1] = (byte)'\n';
        data.CopyTo(file.AsSpan(prefix + length));
        return file;
    }

    public static string Shape(params ReadOnlySpan<long> dimensions)
    {
        var text = new StringBuilder("(");
        foreach (long dimension in dimensions)
            text.Append(CultureInfo.InvariantCulture, $"{dimension}, ");
        return text.Append(')').ToString();
    }
}
